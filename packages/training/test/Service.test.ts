/** What a user of the service relies on: threads, many jobs at once, going on after an interruption, and plain errors. */
import { assert, layer } from "@effect/vitest"
import { Baselines, Features, Igm, type Method, Ops, type Optimizer } from "@igm/gradient"
import { OnnxRuntime } from "@igm/onnx"
import { Digest, Tensor } from "@igm/tensor"
import { Effect, Fiber, Layer, Queue, Stream } from "effect"
import type { Worker } from "node:worker_threads"
import { HeadTrainer, type Task, type TrainingEvent, Weights } from "../src/index.ts"
import { job, options } from "./fixtures.ts"

/** In this thread, with the sessions of equal programs shared by all tests. */
const onnx = layer(HeadTrainer.layerOnnx.pipe(Layer.provide(OnnxRuntime.layerCpu)), { excludeTestServices: true })

const weightsIn = (events: ReadonlyArray<TrainingEvent>) =>
  events.flatMap((event) => (event.kind === "trained" ? [event.weights] : []))[0]!

const train = (method: Method.Method<{ audio: 8; image: 6 }>, of: ReturnType<typeof job>, from?: Method.Cursor) =>
  HeadTrainer.use((trainer) => Stream.runCollect(trainer.train(method, of, from === undefined ? {} : { from })))

const taskOf = (method: Method.Method<{ audio: 8; image: 6 }>, of: Method.Job<{ audio: 8; image: 6 }>): Task =>
  ({ method, job: of }) as unknown as Task

const largest = (a: Ops.Named<Method.HostTensor>, b: Ops.Named<Method.HostTensor>) =>
  Math.max(
    ...Object.entries(a).map(([name, w]) => {
      const other = Ops.get(b, name).data
      const scale = Math.max(...other.map(Math.abs), 1e-12)
      return Math.max(...w.data.map((x, i) => Math.abs(x - other[i]!))) / scale
    })
  )

/** A sweep over everything that is a number, on two lengths of training data and several seeds. */
const sweep = (): ReadonlyArray<Task> =>
  [0.1, 0.4, 1].flatMap((tau, i) =>
    [1e-10, 1e-3].map((rho, j) => {
      const optimizer: Optimizer.Sgd = { ...Igm.sgd, rate: 0.01 * (i + 1) }
      const rows = Int32Array.from({ length: 130 - 14 * j }, (_, row) => row + (i % 2))
      return taskOf(Igm.code({ ...options(rho), tau, optimizer }), {
        ...job(i + j),
        rows: rows.filter((row) => row < 130)
      })
    })
  )

const many = (tasks: ReadonlyArray<Task>, together: number) =>
  HeadTrainer.use((trainer) => Stream.runCollect(trainer.trainMany(tasks, { together }))).pipe(
    Effect.map((events) => tasks.map((_, k) => weightsIn(events.flatMap(([at, event]) => (at === k ? [event] : [])))))
  )

onnx("HeadTrainer in threads", (it) => {
  it.effect("trains the bits that it trains in this thread, while this thread stays responsive", () =>
    Effect.gen(function* () {
      const here = weightsIn(yield* train(Igm.code(options(1e-3)), job(1)))
      const threads = HeadTrainer.layer({ engine: "onnx", device: "cpu" }, { threads: 2 })
      const there = weightsIn(yield* train(Igm.code(options(1e-3)), job(1)).pipe(Effect.provide(threads)))
      assert.deepStrictEqual(there, here)
    })
  )

  it.effect("a killed thread is an error that says where, and the next training starts another", () =>
    Effect.gen(function* () {
      const workers: Array<Worker> = []
      const started = (worker: Worker) => void workers.push(worker)
      const layer = HeadTrainer.layer({ engine: "reference", device: "cpu" }, { threads: 1, started })
      yield* Effect.gen(function* () {
        const method = Baselines.lateFusion({ ...options(0), batch: 2 })
        const checkpoints = yield* Queue.unbounded<Method.Cursor>()
        const trainer = yield* HeadTrainer
        const fiber = yield* trainer.train(method, job(1)).pipe(
          Stream.runForEach((event) =>
            event.kind === "checkpoint" ? Queue.offer(checkpoints, event.cursor) : Effect.void
          ),
          Effect.forkChild
        )
        const cursor = yield* Queue.take(checkpoints)
        yield* Effect.promise(() => workers[0]!.terminate())
        const error = yield* Effect.flip(Fiber.join(fiber))
        assert.strictEqual(error._tag, "TrainingError")
        assert.match(error.message, /^late fusion, turn \d: \w+, epoch \d+, step 1: .*its thread ended with code 1/)
        const rest = yield* train(method, job(1), cursor)
        assert.deepStrictEqual(weightsIn(rest), weightsIn(yield* train(method, job(1))))
        assert.strictEqual(workers.length, 2)
      }).pipe(Effect.provide(layer))
    })
  )
})

onnx("HeadTrainer in more threads than it has work for", (it) => {
  for (const [threads, jobs] of [
    [64, 1],
    [64, 2],
    [2, 3]
  ] as const) {
    it.effect(
      `of ${threads} threads ${Math.min(threads, jobs)} start for ${jobs} trainings, and are used again`,
      () => {
        const workers: Array<Worker> = []
        const started = (worker: Worker) => void workers.push(worker)
        const layer = HeadTrainer.layer({ engine: "onnx", device: "cpu" }, { threads, started })
        return Effect.gen(function* () {
          const trainer = yield* HeadTrainer
          assert.strictEqual(trainer.info.threads, threads)
          const method = Baselines.alone(options(0), "audio") as never
          const all = Array.from({ length: jobs }, () => taskOf(method, job(1)))
          yield* Stream.runDrain(trainer.trainMany(all, { together: 1 }))
          yield* Effect.forEach(all, () => Stream.runDrain(trainer.train(method, job(1))), { concurrency: "unbounded" })
          assert.strictEqual(workers.length, Math.min(threads, jobs))
        }).pipe(Effect.provide(layer))
      }
    )
  }
})

onnx("HeadTrainer with many jobs", (it) => {
  it.effect("training together is training alone: seeds, rates, τ, ρ, rows and numbers of steps of their own", () =>
    Effect.gen(function* () {
      const tasks = sweep()
      const alone = yield* many(tasks, 1)
      const together = yield* many(tasks, 4)
      tasks.forEach((_, k) => assert.deepStrictEqual(together[k], alone[k], `job ${k}`))
      const trainer = yield* HeadTrainer
      for (const [k, { method, job }] of tasks.entries()) {
        const single = weightsIn(yield* Stream.runCollect(trainer.train(method, job)))
        assert.isBelow(largest(alone[k]!, single), 1e-5, `job ${k}`)
      }
    })
  )

  it.effect("on a processor they are the bits of training alone, in this thread or in others", () =>
    Effect.gen(function* () {
      const tasks = sweep()
      const singles = yield* Effect.forEach(tasks, ({ method, job }) =>
        HeadTrainer.use((trainer) => Stream.runCollect(trainer.train(method, job)))
      )
      const all = HeadTrainer.use((trainer) => Stream.runCollect(trainer.trainMany(tasks)))
      const inThreads = HeadTrainer.layer({ engine: "onnx", device: "cpu" }, { threads: 2 })
      for (const events of [yield* all, yield* all.pipe(Effect.provide(inThreads))]) {
        for (const [k, single] of singles.entries()) {
          const own = events.flatMap(([at, event]) => (at === k ? [event] : []))
          assert.deepStrictEqual(weightsIn(own), weightsIn(single), `job ${k}`)
        }
      }
    })
  )

  it.effect("every job has its own turns, boundaries and length", () =>
    Effect.gen(function* () {
      const tasks = [
        taskOf(Baselines.lateFusion(options(0)), job(1)),
        taskOf(Igm.paper(options(1e-3)), job(1)),
        taskOf(Baselines.alone(options(0), "audio") as never, job(2))
      ]
      const together = yield* many(tasks, 3)
      const alone = yield* many(tasks, 1)
      assert.deepStrictEqual(together, alone)
    }).pipe(Effect.provide(HeadTrainer.layerReference))
  )
})

onnx("HeadTrainer interrupted", (it) => {
  it.effect("goes on from any checkpoint to the same bits", () =>
    Effect.gen(function* () {
      const method = Igm.code({ ...options(1e-3), switches: { moment: "accumulated" } })
      const whole = yield* train(method, job(1))
      const cursors = whole.flatMap((event) => (event.kind === "checkpoint" ? [event.cursor] : []))
      assert.strictEqual(cursors.length, method.epochs - 1)
      for (const cursor of cursors) {
        assert.deepStrictEqual(weightsIn(yield* train(method, job(1), cursor)), weightsIn(whole))
      }
    })
  )

  it.effect("the digest of an epoch is that of its stored weights", () =>
    Effect.gen(function* () {
      const method = Baselines.alone(options(0), "audio")
      const events = yield* train(method as never, job(1))
      const digests = events.flatMap((event) => (event.kind === "epoch" ? [event.weights] : []))
      const cursor = events.flatMap((event) => (event.kind === "checkpoint" ? [event.cursor] : []))[0]!
      const weights = method.weights(cursor.state)
      assert.strictEqual(digests[0], Digest.ofTensors(Weights.stored(weights)))
    })
  )
})

onnx("HeadTrainer given bad input", (it) => {
  const good = job(1)
  const withAudio = (change: (data: Float32Array) => void) => {
    const data = good.train.modalities.audio.data.slice()
    change(data)
    const audio = Tensor.float32([130, 8], data)
    return { ...good, train: { ...good.train, modalities: { ...good.train.modalities, audio } } }
  }
  const withLabels = (labels: Int32Array) => ({ ...good, train: { ...good.train, labels } })
  const none = Features.takeRows(good.select, [], "valid")
  const cases: ReadonlyArray<readonly [string, ReturnType<typeof job>, RegExp]> = [
    ["NaN", withAudio((data) => void (data[19] = Number.NaN)), /sample train-2 .* audio feature 4, is NaN/],
    ["infinity", withAudio((data) => void (data[0] = Infinity)), /sample train-0 .* audio feature 1, is Infinity/],
    ["a label out of range", withLabels(good.train.labels.with(5, 3)), /sample train-5 .* label 3, .* 0–2/],
    ["a missing class", withLabels(good.train.labels.map((c) => c % 2)), /no training sample has class 2/],
    ["rows that do not match", withLabels(good.train.labels.slice(1)), /130 ids and 129 labels/],
    ["an empty split", { ...good, select: none }, /the valid split has no samples/],
    [
      "too few rows for a batch",
      { ...good, rows: Int32Array.from(good.train.labels.keys()).slice(0, 11) } as never,
      /no whole batch in 11 samples/
    ]
  ]
  for (const [name, bad, message] of cases) {
    it.effect(`${name} is an error before anything is trained`, () =>
      Effect.gen(function* () {
        const seen: Array<TrainingEvent> = []
        const error = yield* HeadTrainer.use((trainer) =>
          Stream.runForEach(trainer.train(Igm.paper(options(0)), bad), (event) => Effect.sync(() => seen.push(event)))
        ).pipe(Effect.flip)
        assert.strictEqual(error._tag, "TrainingError")
        assert.match(error.message, message)
        assert.deepStrictEqual(seen, [])
      })
    )
  }
})
