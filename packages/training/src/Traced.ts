/**
 * Traced blocks: after every step, a fingerprint of each tensor of the state, by which a replay can name the step and the
 * tensor where two runs part. A traced block is run as blocks of one step, which the law of blocks makes free of
 * consequence, and its fingerprints are made where it runs: what travels is a number for each step and tensor.
 */
import { type Method, Ops } from "@igm/gradient"
import { Tensor } from "@igm/tensor"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import * as Draws from "./Draws.ts"
import type { About, BlockInput, BlockOutput, Engine, HostTensors, Lane } from "./Engine.ts"
import type { Program } from "./Program.ts"

/** How many bytes of a digest are a fingerprint: as many as a number holds exactly. */
const BYTES = 6

/** The fingerprint of a tensor: the first 48 bits of the SHA-256 of its bytes, as a whole number. */
const fingerprint = (tensor: Tensor.Tensor): number =>
  createHash("sha256").update(Tensor.bytes(tensor)).digest().readUIntBE(0, BYTES)

/** The fingerprints of a state as an engine of that precision has them. */
export const fingerprints = (state: HostTensors, precision: About["precision"]): Ops.Named<number> =>
  Ops.mapNamed(state, (tensor) => fingerprint(precision === "float32" ? Tensor.toFloat32(tensor) : tensor))

/** Has an engine trace the blocks that ask for it; `own` gives a tensor of its state in its own precision. */
export const block = (run: Engine["block"], own: (tensor: Tensor.Tensor) => Tensor.Tensor): Engine["block"] => {
  const traced = Effect.fn("Traced.block")(function* (
    program: Program,
    { state, inputs, draws }: BlockInput,
    lane?: Lane
  ) {
    const prints = Ops.mapNamed(state, () => new Float64Array(draws.steps))
    const traces: Array<BlockOutput["trace"]> = []
    let at = state
    for (let i = 0; i < draws.steps; i++) {
      const one = yield* run(program, { state: at, inputs, draws: Draws.part(draws, i, i + 1) }, lane)
      at = one.state
      for (const [name, tensor] of Object.entries(at)) prints[name]![i] = fingerprint(own(tensor))
      traces.push(one.trace)
    }
    const trace = Ops.mapNamed(traces[0] ?? {}, (_, name) =>
      Float64Array.from(traces.flatMap((step) => Array.from(Ops.get(step, name))))
    )
    const output: BlockOutput = { state: at, trace, fingerprints: prints }
    return output
  })
  return (program, input, lane) => (input.traced === true ? traced(program, input, lane) : run(program, input, lane))
}

/**
 * What an epoch's steps left: the loss of each and, where they were traced, the fingerprints that each left of the tensors
 * that it changes, by their names in the whole state.
 */
export interface Steps {
  readonly losses: ArrayLike<number>
  readonly fingerprints: Ops.Named<ArrayLike<number>>
}

/** What the steps of a phase's block left. */
export const stepsOf = (phase: Method.Phase, { trace, fingerprints: prints }: BlockOutput): Steps => ({
  losses: Ops.get(trace, "loss"),
  fingerprints:
    prints === undefined
      ? {}
      : Object.fromEntries(Object.entries(phase.state).map(([local, global]) => [global, Ops.get(prints, local)]))
})
