/**
 * The choice of an engine and its device. A named device is used or the choice fails. Only `auto` tries several: it
 * opens one engine after another, runs a small program whose result is known, and reports the chosen one and the
 * reasons against those before.
 */
import { type Method, Ops } from "@igm/gradient"
import { FirstAvailable } from "@igm/onnx"
import { Tensor } from "@igm/tensor"
import { Effect, type Scope } from "effect"
import { type BlockInput, type Engine, EngineError, type EngineInfo, label } from "./Engine.ts"
import type { Choice } from "./Local.ts"
import * as Program from "./Program.ts"
import * as WorkerEngine from "../worker/WorkerEngine.ts"

/** The names of the engines, and `auto`. */
export const engines = ["onnx", "tfjs", "reference", "auto"] as const

/** The names of the devices, and `auto`. */
export const devices = ["cuda", "webgpu", "cpu", "wasm", "node", "node-gpu", "auto"] as const

/** The engine and device that a user asks for. An `auto` engine is the first one that supports the device. */
export interface Wanted {
  readonly engine: (typeof engines)[number]
  readonly device: (typeof devices)[number]
}

/** A choice that was tried and rejected, with the reason. */
export type Refused = FirstAvailable.Refused

/** The chosen engine and device, and the choices that were rejected before. */
export type Chosen = FirstAvailable.Taken<Choice>

/** Every pair of an engine and a device; those of one engine in the order in which `auto` tries them. */
export const pairs: ReadonlyArray<Choice> = [
  { engine: "onnx", device: "cuda" },
  { engine: "onnx", device: "webgpu" },
  { engine: "onnx", device: "cpu" },
  { engine: "tfjs", device: "node-gpu" },
  { engine: "tfjs", device: "webgpu" },
  { engine: "tfjs", device: "node" },
  { engine: "tfjs", device: "wasm" },
  { engine: "tfjs", device: "cpu" },
  { engine: "reference", device: "cpu" }
]

/** The pairs as text: `onnx on cuda, webgpu or cpu; …` */
export const listed = (): string => {
  const names = [...new Set(pairs.map(({ engine }) => engine))]
  const of = (engine: string) => pairs.filter((pair) => pair.engine === engine).map(({ device }) => device)
  return names
    .map(
      (engine) =>
        `${engine} on ${of(engine)
          .join(", ")
          .replace(/, ([^,]+)$/, " or $1")}`
    )
    .join("; ")
}

/** A step on integers: w ← w + relu(x A), for a row x of a table. */
const step: Method.Step = {
  name: "a small program with a known result",
  reads: { x: { table: "X", index: "rows" } },
  run: (ops, { state, inputs, reads }) => {
    const moved = ops.add(Ops.get(state, "w"), ops.relu(ops.gemm(Ops.get(reads, "x"), Ops.get(inputs, "A"))))
    return { state: { w: moved }, trace: { total: ops.sum(moved, "all") } }
  }
}

const input: BlockInput = {
  state: { w: Tensor.float64([1, 2], [0.5, -1]) },
  inputs: { X: Tensor.float64([3, 2], [1, 2, 3, 4, 5, 6]), A: Tensor.float64([2, 2], [1, -1, 0, 0.5]) },
  draws: { steps: 3, values: { rows: Tensor.int32([3, 1], Int32Array.of(2, 0, 1)) } }
}

/** x A is [5, −2], [1, 0] and [3, −1]. */
const result = { w: [9.5, -1], total: [4.5, 5.5, 8.5] }

/** Runs a small program on an engine. Fails if the result is not the known one. */
export const check = Effect.fn("Devices.check")(function* (engine: Engine) {
  const program = Program.ofStep(step, { ...input, draws: input.draws.values })
  const { state, trace } = yield* engine.block(program, input)
  const found = { w: Array.from(Ops.get(state, "w").data), total: Array.from(Ops.get(trace, "total")) }
  const [shown, known] = [JSON.stringify(found), JSON.stringify(result)]
  if (shown !== known) {
    const problem = `its device is faulty: the result is ${shown}, not ${known}`
    return yield* new EngineError({ engine: label(engine.info), program: program.name, problem })
  }
})

/** Opens an engine. */
export type Open = (choice: Choice) => Effect.Effect<Engine, EngineError, Scope.Scope>

const inThread: Open = (choice) => WorkerEngine.engine(choice, { threads: 1 })

/** Tests that an opened engine works and is worth using. */
const tryOut = Effect.fnUntraced(function* (engine: Engine) {
  const problem = FirstAvailable.softwareProblem(engine.info.name)
  if (problem !== undefined) {
    return yield* new EngineError({ engine: label(engine.info), program: "choosing", problem })
  }
  yield* check(engine)
})

/** The pairs that match a wanted engine and device, in the order in which they are tried. */
export const meant = ({ engine, device }: Wanted): ReadonlyArray<Choice> => {
  const ofDevice = pairs.filter((pair) => device === "auto" || pair.device === device)
  const name = engine === "auto" ? ofDevice[0]?.engine : engine
  return ofDevice.filter((pair) => pair.engine === name)
}

/**
 * Chooses an engine and device. A named device is returned without a test, so that opening it may fail. For `auto`,
 * `open` opens each engine to be tested, by default in a worker thread.
 */
export const choose = Effect.fn("Devices.choose")(function* (
  wanted: Wanted,
  { open = inThread }: { readonly open?: Open } = {}
): Effect.fn.Return<Chosen, EngineError> {
  const choices = meant(wanted)
  const [first] = choices
  if (first === undefined) {
    const problem = `there is no such pair of an engine and a device, but ${listed()}`
    return yield* new EngineError({ engine: `${wanted.engine} on ${wanted.device}`, program: "choosing", problem })
  }
  if (wanted.device !== "auto") return { choice: first, refused: [] }
  return yield* FirstAvailable.take(choices, label, (choice) =>
    Effect.scoped(Effect.flatMap(open(choice), tryOut))
  ).pipe(Effect.mapError((problem) => new EngineError({ engine: wanted.engine, program: "choosing", problem })))
})

/** Reports the choice of `auto` and the reasons against the ones before, one line each. */
export const account = (refused: ReadonlyArray<Refused>, info: Pick<EngineInfo, "engine" | "device" | "name">) =>
  FirstAvailable.account(refused, label(info), info.name)
