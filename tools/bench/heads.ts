/**
 * `npm run bench -- heads`: a step of IGM in its released code's semantics on heads 512-256-64-6, and the turn
 * transition, against PyTorch running the released code on the same features and draws, and against the floor of the same
 * matrix products; and many heads as one against one after another. All are measured in turns.
 */
import { Alternating, type Float64, Moment, Ops, Projection, Shapes, Tape } from "@igm/gradient"
import { OnnxRuntime } from "@igm/onnx"
import { Tensor } from "@igm/tensor"
import { HeadTrainer, Interpreter, JobState, Local, Program, WorkerEngine } from "@igm/training"
import { Console, Effect, Layer, Stream } from "effect"
import { existsSync } from "node:fs"
import { arch, cpus } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Case from "./Case.ts"
import * as Floor from "./Floor.ts"
import * as Peer from "./Peer.ts"
import * as Timing from "./Timing.ts"
import { type Row, asked, inTurns, lines, time } from "./Turns.ts"

/** The options of the command. */
export interface Options {
  readonly engine: "onnx" | "tfjs"
  readonly device: string
  readonly features: string
  readonly python: string
  readonly released: string
  readonly repeats: number
  readonly heads: ReadonlyArray<number>
  readonly parts: ReadonlyArray<string>
}

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** The default options. */
export const defaults: Options = {
  engine: "onnx",
  device: "cpu",
  features: here("../../../shared/data/cremad-features/our.safetensors"),
  python: here("../reference/.venv/bin/python"),
  released: here("../reference/RELEASED"),
  repeats: 30,
  heads: [64],
  parts: ["step", "transition", "many"]
}

/** The faster of the peer's thread counts, by their medians. */
const fasterOf = (seconds: Row["seconds"]): readonly [string, ReadonlyArray<number>] | undefined =>
  Object.entries(seconds)
    .filter(([who]) => who.startsWith("PyTorch"))
    .toSorted(([, a], [, b]) => Timing.median(a) - Timing.median(b))[0]

const layerOf = ({ engine, device }: Options) => {
  const local = Local.open({ engine, device } as Local.Choice)
  return HeadTrainer.layerInterpreter.pipe(Layer.provideMerge(Interpreter.Interpreter.layer(local)))
}

const tensorsFor = (second: Effect.Success<ReturnType<typeof Case.secondTurn>>, features: Case.Data["features"]) => {
  const { input, before, task } = second
  const order = Alternating.momentOrder(task.job, 1)
  const weights = (head: string, prefix: string) =>
    Object.fromEntries(
      Object.entries(task.method.weights(before.state))
        .filter(([name]) => name.startsWith(`${head}.`))
        .map(([name, tensor]) => [`${prefix}${name.slice(head.length + 1)}`, Tensor.toFloat32(tensor)])
    )
  const { rows, partners, lambda } = input.draws.values
  return {
    x: features.modalities.video,
    previous: Tensor.takeRows(features.modalities.audio, order),
    y: Tensor.int32([features.labels.length], features.labels),
    rows: rows!,
    partners: partners!,
    lambda: Tensor.float32([input.draws.steps], Tensor.toFloat32(lambda!).data),
    ...weights("video", ""),
    ...weights("audio", "previous.")
  }
}

const settings = (batch: number, rho: number) => ({
  classes: 6,
  widths: Case.WIDTHS,
  tau: 0.4,
  rho,
  share: 0.3,
  rate: 0.01,
  momentum: 0.9,
  weightDecay: 1e-4,
  batch
})

/** That both sides compute the same: the largest relative difference of the first losses, with a ρ that matters. */
const agreement = Effect.fnUntraced(function* (peer: Peer.Peer, data: Case.Data, batch: number) {
  const rho = 1e-2
  const [trainer, it] = [yield* HeadTrainer, yield* Interpreter.Interpreter]
  const second = yield* Case.secondTurn(trainer, it, data.features, batch, rho)
  yield* Effect.promise(() => peer.setUp(tensorsFor(second, data.features), settings(batch, rho)))
  const { losses } = yield* Effect.promise(() => peer.ask({ do: "losses" }))
  const { trace } = yield* it.block(second.jobState.phase.step, second.input)
  return Math.max(...(losses as ReadonlyArray<number>).map((loss, i) => Math.abs(loss / trace["loss"]![i]! - 1)))
})

const step = Effect.fnUntraced(function* (
  options: Options,
  peer: Peer.Peer | undefined,
  data: Case.Data,
  batch: number
) {
  const [trainer, it] = [yield* HeadTrainer, yield* Interpreter.Interpreter]
  const agreed = peer === undefined ? undefined : yield* agreement(peer, data, batch)
  const second = yield* Case.secondTurn(trainer, it, data.features, batch, 1e-10)
  if (peer !== undefined) {
    yield* Effect.promise(() => peer.setUp(tensorsFor(second, data.features), settings(batch, 1e-10)))
  }
  const { input, jobState } = second
  const program = it.program(jobState.phase.step, input)
  const shapes = {
    ...Program.rename(
      Ops.mapNamed(input.state, ({ shape }) => shape),
      Program.named.state
    ),
    ...Program.rename(
      Ops.mapNamed(input.inputs, ({ shape }) => shape),
      Program.named.input
    ),
    ...Program.rename(
      Ops.mapNamed(input.draws.values, ({ shape }) => shape.slice(1)),
      Program.named.draw
    )
  }
  const isFree = Tape.dependingOn(program.tape, (name) => name.startsWith(Program.named.input("")))
  const cost = Shapes.costOf(program.tape, shapes, isFree)
  const products = Floor.productsOf(program.tape, shapes, isFree)
  const { steps } = input.draws
  const runtime = yield* OnnxRuntime
  const floor = Floor.runner(yield* runtime.open("floor", Floor.model(products)), products)
  let state = input.state
  const ours = it
    .block(jobState.phase.step, { ...input, state }, second.lane)
    .pipe(Effect.tap((output) => Effect.sync(() => void (state = output.state))))
  const each = (seconds: number) => seconds / steps
  const seconds = yield* inTurns(options.repeats, {
    ours: Effect.map(time(Effect.suspend(() => ours)), each),
    floor: Effect.map(time(floor(steps)), each),
    ...(peer === undefined
      ? {}
      : {
          "PyTorch, 1 thread": Effect.map(asked(peer, { do: "steps", threads: 1, warm: false }), each),
          "PyTorch, 2 threads": Effect.map(asked(peer, { do: "steps", threads: 2, warm: false }), each)
        })
  })
  const faster = fasterOf(seconds)
  const row: Row = {
    name: `step, batch ${batch}`,
    seconds,
    ratios: {
      ...(faster === undefined ? {} : { [`${faster[0]} / ours`]: Timing.ratio(faster[1], seconds["ours"]!) }),
      "ours / floor": Timing.ratio(seconds["ours"]!, seconds["floor"]!)
    },
    notes: {
      products: cost.products,
      "multiply-adds": cost.multiplyAdds,
      operations: cost.operations,
      "bytes moved, operation by operation": 4 * cost.moved,
      "bytes that have to move": 4 * cost.least,
      ...(agreed === undefined ? {} : { "largest difference of the first losses at ρ = 1e-2": agreed })
    }
  }
  return row
})

/**
 * The moment and P of every layer, as a turn begins: the survey and what the host makes of it. The engine has a thread
 * of its own, beside the host's.
 */
const transition = Effect.fnUntraced(function* (
  options: Options,
  peer: Peer.Peer | undefined,
  data: Case.Data,
  n: number
) {
  const [trainer, it] = [yield* HeadTrainer, yield* Interpreter.Interpreter]
  const features = n <= data.features.labels.length ? data.features : Case.enlarged(data.features, n)
  const second = yield* Case.secondTurn(trainer, it, features, 12, 1e-10)
  if (peer !== undefined) yield* Effect.promise(() => peer.setUp(tensorsFor(second, features), settings(12, 1e-10)))
  const { task, before, lane } = second
  // Each turn takes the batches in an order of its own, so that nothing is known from the turn before.
  let turn = 0
  const ours = Effect.gen(function* () {
    const found = yield* JobState.survey(it, { ...task, job: { ...task.job, seed: ++turn } }, before, lane)
    const moments = Moment.momentsOf(found)
    const matrixOf = (means: Float64.Matrix, i: number) =>
      Effect.suspend(() => {
        const projection = Projection.ofMeans(means, { tau: 0.4, strictNaN: false }, moments[String(i + 1)])
        return it.compute(Projection.computation(projection), lane)
      })
    // While the engine makes one layer's P, the host finds what the next one needs.
    yield* Effect.forEach(Moment.meansOf(found), matrixOf, { concurrency: "unbounded", discard: true })
  })
  const whole = Effect.suspend(() => JobState.enter(it, { ...task, job: { ...task.job, seed: ++turn } }, before, lane))
  const seconds = yield* inTurns(Math.ceil(options.repeats / 2), {
    ours: time(ours),
    "ours, with the projected features": time(whole),
    ...(peer === undefined
      ? {}
      : {
          "PyTorch, 1 thread": asked(peer, { do: "transition", threads: 1, rows: n }),
          "PyTorch, 2 threads": asked(peer, { do: "transition", threads: 2, rows: n })
        })
  })
  const faster = fasterOf(seconds)
  const row: Row = {
    name: `turn transition, ${n} rows`,
    seconds,
    ratios: faster === undefined ? {} : { [`${faster[0]} / ours`]: Timing.ratio(faster[1], seconds["ours"]!) },
    notes: { batches: Math.floor(n / 12) }
  }
  return row
})

/**
 * Heads per second: all in one call, against a call for each, by the same program and with the same threads: one call
 * after another, and one after another on each of the threads.
 */
const many = Effect.fnUntraced(function* (options: Options, data: Case.Data, heads: number) {
  const trainer = yield* HeadTrainer
  const job = Case.jobOf(data.features, 1)
  const tasks = Array.from({ length: heads }, (_, k) =>
    JobState.widen({
      method: Case.methodOf(12, { tau: 0.1 + 0.1 * (k % 8), rho: 10 ** -(4 + (k % 7)), rate: 0.005 * (1 + (k % 5)) }),
      job
    })
  )
  const { threads } = trainer.info
  const alone = (concurrency: number) =>
    Effect.forEach(tasks, (task) => Stream.runDrain(trainer.trainMany([task])), { concurrency, discard: true })
  const sides = {
    "one after another": time(alone(1)),
    [`one after another on each of ${threads} threads`]: time(alone(threads)),
    together: time(Stream.runDrain(trainer.trainMany(tasks)))
  }
  const seconds = yield* inTurns(Math.max(5, Math.ceil(options.repeats / 6)), sides, 0)
  const row: Row = {
    name: `${heads} heads, two turns of one epoch each`,
    seconds,
    ratios: Object.fromEntries(
      Object.entries(seconds).flatMap(([who, alone]) =>
        who === "together" ? [] : [[`together / ${who}`, Timing.ratio(seconds["together"]!, alone)]]
      )
    ),
    notes: {
      "heads of a group": trainer.info.together,
      threads,
      "heads per second, together": heads / Timing.median(seconds["together"]!)
    }
  }
  return row
})

/** PyTorch's heads per second on the same features: one after another, and by vmap. */
const peersHeads = Effect.fnUntraced(function* (peer: Peer.Peer, heads: number, steps: number) {
  const one = yield* asked(peer, { do: "steps", threads: 2, warm: true })
  const vmap = yield* Effect.promise(() =>
    peer.ask({ do: "vmap", heads, steps }).then(
      ({ seconds }) => heads / Number(seconds),
      (error: unknown) => String(error)
    )
  )
  return { "PyTorch, one head at a time: turns per second": 1 / one, "PyTorch, vmap: turns per second": vmap }
})

const startPeer = ({ python, released, features, device }: Options) =>
  Effect.acquireRelease(
    existsSync(python) && existsSync(join(released, "train_CREMA.py")) && existsSync(features)
      ? Effect.promise(() =>
          Peer.start(python, "bench_heads.py", [released, features, "--device", device === "cuda" ? "cuda" : "cpu"])
        )
      : Effect.as(
          Console.error(
            `no peer: it needs ${python} (see tools/reference/README.md), the released code in ${released}, and ${features}`
          ),
          undefined
        ),
    (peer) => Effect.sync(() => peer?.quit())
  )

/** Runs the benchmark. */
export const run = Effect.fn("bench.heads")(function* (options: Options, json: boolean) {
  const peer = yield* startPeer(options)
  const data = Case.read(options.features)
  const info = {
    node: process.version,
    processor: `${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores, ${arch()}`,
    engine: (yield* HeadTrainer).info,
    peer: peer?.info ?? null,
    features: data.from,
    repeats: options.repeats
  }
  if (!json) yield* Console.log(JSON.stringify(info))
  const rows: Array<Row> = []
  const done = (row: Row) => {
    rows.push(row)
    return json ? Effect.void : Console.log(lines(row).join("\n"))
  }
  if (options.parts.includes("step")) {
    for (const batch of [12, 64]) yield* done(yield* step(options, peer, data, batch))
  }
  if (options.parts.includes("transition")) {
    for (const n of [704, 6698]) {
      yield* done(yield* transition(options, peer, data, n).pipe(Effect.provide(threadsOf(options, 1)), Effect.scoped))
    }
  }
  if (options.parts.includes("many")) {
    for (const heads of options.heads) {
      const row = yield* many(options, data, heads).pipe(
        Effect.provide(threadsOf(options, options.device === "cuda" ? 1 : 2))
      )
      const theirs = peer === undefined || options.device !== "cuda" ? {} : yield* peersHeads(peer, heads, 58)
      yield* done({ ...row, notes: { ...row.notes, ...theirs } })
    }
  }
  if (json) yield* Console.log(JSON.stringify({ ...info, rows }))
})

const threadsOf = ({ engine, device }: Options, threads: number) => {
  const remote = WorkerEngine.engine({ engine, device } as Local.Choice, { threads })
  return HeadTrainer.layerInterpreter.pipe(Layer.provideMerge(Interpreter.Interpreter.layer(remote)))
}

/** The layers that the benchmark runs on. */
export const layer = (options: Options) => Layer.merge(layerOf(options), OnnxRuntime.layerCpu)
