/**
 * Choosing an engine and its device. What is named is taken or refused. Only `auto` looks around: it opens one engine
 * after another, has it run a small program whose result is known, and says what it took and why it took none before.
 */
import { type Method, Ops } from "@igm/gradient"
import { Tensor } from "@igm/tensor"
import { Effect, type Scope } from "effect"
import { type About, type BlockInput, type Engine, EngineError, label } from "./Engine.ts"
import type { Choice } from "./Local.ts"
import * as Program from "./Program.ts"
import * as Remote from "./Remote.ts"

/** The engines by name, and a choice left open. */
export const engines = ["onnx", "tfjs", "reference", "auto"] as const

/** The devices by name, and a choice left open. */
export const devices = ["cuda", "webgpu", "cpu", "wasm", "node", "node-gpu", "auto"] as const

/** What a person asks for. An `auto` engine is the first one that has the device. */
export interface Wanted {
  readonly engine: (typeof engines)[number]
  readonly device: (typeof devices)[number]
}

/** What was not to be had, in a few words, and why. */
export interface Refused {
  readonly choice: string
  readonly reason: string
}

/** What is taken, and what was refused before. */
export interface Chosen {
  readonly choice: Choice
  readonly refused: ReadonlyArray<Refused>
}

/** Every pair of an engine and a device, of each engine the one first that `auto` tries first. */
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

/** The pairs in words: `onnx on cuda, webgpu or cpu; …` */
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

/** A step by whole numbers: w ← w + relu(x A), for a row x of a table. */
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

/** Has an engine run a small program; fails where the result is not the known one. */
export const check = Effect.fn("Devices.check")(function* (engine: Engine) {
  const program = Program.ofStep(step, { ...input, draws: input.draws.values })
  const { state, trace } = yield* engine.block(program, input)
  const found = { w: Array.from(Ops.get(state, "w").data), total: Array.from(Ops.get(trace, "total")) }
  const [said, known] = [JSON.stringify(found), JSON.stringify(result)]
  if (said !== known) {
    const problem = `its device is faulty: the result is ${said}, not ${known}`
    return yield* new EngineError({ engine: label(engine.about), program: program.name, problem })
  }
})

/** Opens an engine. */
export type Open = (choice: Choice) => Effect.Effect<Engine, EngineError, Scope.Scope>

const inThread: Open = (choice) => Remote.engine(choice, { threads: 1 })

/** Graphics by software: slower than the processor is without. */
const software = /swiftshader|llvmpipe|lavapipe|basic render/i

/** Has an engine that was opened show that it is of use. */
const tryOut = Effect.fnUntraced(function* (engine: Engine) {
  const { name } = engine.about
  if (software.test(name)) {
    const problem = `its device ${name} is software, slower than the processor itself; whoever wants it names it`
    return yield* new EngineError({ engine: label(engine.about), program: "choosing", problem })
  }
  yield* check(engine)
})

/** The choices that a wish leaves, in the order in which they are tried; none where no pair is meant. */
export const meant = ({ engine, device }: Wanted): ReadonlyArray<Choice> => {
  const ofDevice = pairs.filter((pair) => device === "auto" || pair.device === device)
  const name = engine === "auto" ? ofDevice[0]?.engine : engine
  return ofDevice.filter((pair) => pair.engine === name)
}

/**
 * Chooses. Where a device is named, that is all: opening it may fail. For `auto`, `open` opens an engine to be tried, by
 * default in a thread of its own.
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
  const refused: Array<Refused> = []
  for (const choice of choices) {
    const reason = yield* Effect.scoped(Effect.flatMap(open(choice), tryOut)).pipe(
      Effect.as(undefined),
      Effect.catch(({ problem }) => Effect.succeed(problem))
    )
    if (reason === undefined) return { choice, refused }
    refused.push({ choice: label(choice), reason })
  }
  const problem = `none can be had: ${refused.map(({ choice, reason }) => `${choice}: ${reason}`).join("; ")}`
  return yield* new EngineError({ engine: wanted.engine, program: "choosing", problem })
})

/** What `auto` took and why it took nothing before, a line each. */
export const account = (
  refused: ReadonlyArray<Refused>,
  about: Pick<About, "engine" | "device" | "name">
): ReadonlyArray<string> => [
  ...refused.map(({ choice, reason }) => `not ${choice}: ${reason}`),
  `taken: ${label(about)} on ${about.name}`
]
