/**
 * Fingerprints of each tensor of the state after every step, by which a replay names the first step and tensor at which
 * two runs differ. A traced block runs as blocks of one step, which gives the same bits, and its fingerprints are
 * computed where it runs: only a number for each step and tensor is sent.
 */
import { type Method, Ops } from "@igm/gradient"
import { Tensor } from "@igm/tensor"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import * as Draws from "./Draws.ts"
import type { EngineInfo, BlockInput, BlockOutput, Engine, HostTensors, Lane } from "./Engine.ts"
import type { Program } from "./Program.ts"

/** The number of bytes of a digest that form a fingerprint: as many as a number holds exactly. */
const BYTES = 6

/** The fingerprint of a tensor: the first 48 bits of the SHA-256 of its bytes, as a whole number. */
const fingerprint = (tensor: Tensor.Tensor): number =>
  createHash("sha256").update(Tensor.bytes(tensor)).digest().readUIntBE(0, BYTES)

/** The fingerprints of a state in the precision of an engine. */
export const fingerprints = (state: HostTensors, precision: EngineInfo["precision"]): Ops.Named<number> =>
  Ops.mapNamed(state, (tensor) => fingerprint(precision === "float32" ? Tensor.toFloat32(tensor) : tensor))

/** Adds tracing to an engine's `block`; `own` converts a tensor of the state to the engine's precision. */
export const block = (run: Engine["block"], own: (tensor: Tensor.Tensor) => Tensor.Tensor): Engine["block"] => {
  const traced = Effect.fn("StepFingerprints.block")(function* (
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
 * Measurements of an epoch's steps: their losses and, if they were traced, the fingerprints of the tensors that they
 * change, by their names in the whole state.
 */
export interface Steps {
  readonly losses: ArrayLike<number>
  readonly fingerprints: Ops.Named<ArrayLike<number>>
}

/** The measurements of the steps of a block. */
export const stepsOf = (phase: Method.Phase, { trace, fingerprints: prints }: BlockOutput): Steps => ({
  losses: Ops.get(trace, "loss"),
  fingerprints:
    prints === undefined
      ? {}
      : Object.fromEntries(Object.entries(phase.state).map(([local, global]) => [global, Ops.get(prints, local)]))
})
