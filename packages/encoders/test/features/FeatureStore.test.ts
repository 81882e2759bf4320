import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, layer } from "@effect/vitest"
import { ArtifactStore, Lock, Progress } from "@igm/io"
import { OnnxError } from "@igm/onnx"
import { Digest, Safetensors, Tensor } from "@igm/tensor"
import { Arbitrary, Deferred, Effect, Fiber, FileSystem, Layer, Path, Ref, Schema } from "effect"
import { DigitEncoders } from "@igm/av-digits"
import { Encoder, EncoderRuntime, FeatureIndex, FeatureStore, PartialFeatures } from "../../src/index.ts"
import { digestOf, sample } from "../samples.ts"

const layers = Layer.mergeAll(NodeServices.layer, EncoderRuntime.layerCpu, Progress.layerSilent)
const { image } = DigitEncoders
const WIDTH = 128

/** A store in a folder of its own, with a count of the samples that were decoded in it. */
const fresh = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const folder = `${yield* fs.makeTempDirectoryScoped()}/store`
  const loaded: Array<number> = []
  /** A request for samples by their numbers. */
  const request = (which: ReadonlyArray<number>, options: FeatureStore.Options = {}) => ({
    encoder: image,
    label: "test",
    preprocessing: { side: 28 },
    samples: which.map(digestOf),
    load: (i: number) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          loaded.push(which[i]!)
          return sample(image, which[i]!)
        }),
        // Whoever reads a sample after its scope has other features of it.
        ({ data }) => Effect.sync(() => void data.fill(NaN))
      ),
    ...options
  })
  const here = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(Effect.provide(Layer.fresh(ArtifactStore.layer(folder))))
  const unfinished = fs
    .readDirectory(`${folder}/${PartialFeatures.FOLDER}`, { recursive: true })
    .pipe(Effect.orElseSucceed((): Array<string> => []))
  return { fs, folder, loaded, request, here, unfinished }
})

/**
 * A device that reads a batch a while after it was handed, and has memory for so many samples; batches overlap, and `sizes`
 * gets those of all that were tried.
 */
const lazily = (delays: ReadonlyArray<number>, most = Infinity, sizes: Array<number> = []) =>
  Layer.effect(
    EncoderRuntime,
    Effect.map(EncoderRuntime, (runtime) => {
      let runs = 0
      return EncoderRuntime.of({
        ...runtime,
        open: (name, model, options) =>
          Effect.map(runtime.open(name, model, options), (session) => ({
            ...session,
            run: (inputs) =>
              Effect.suspend(() => {
                sizes.push(Object.values(inputs)[0]!.shape[0]!)
                return pause(delays[runs++ % delays.length] ?? 0)
              }).pipe(
                Effect.andThen(
                  Object.values(inputs)[0]!.shape[0]! > most
                    ? Effect.fail(new OnnxError({ model: name, problem: "running it failed", cause: "std::bad_alloc" }))
                    : session.run(inputs)
                )
              )
          }))
      })
    })
  )

/** So many milliseconds of the machine's own clock. */
const pause = (time: number) => Effect.promise(() => new Promise<void>((resume) => setTimeout(resume, time)))

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

/** Features of samples by their numbers, encoded one by one. */
const expected = Effect.fnUntraced(function* (which: ReadonlyArray<number>) {
  const { encode } = yield* Encoder.open(image)
  const rows = yield* Effect.forEach(which, (i) => encode(Tensor.stack([sample(image, i)])))
  return Tensor.float32(
    [which.length, WIDTH],
    rows.flatMap(({ data }) => Array.from(data))
  )
})

layer(layers, { excludeTestServices: true })("FeatureStore", (it) => {
  it.effect.prop(
    "the features are those of each sample, in order, whatever is decoded first and however samples are batched",
    [
      Arbitrary.schema(
        Schema.Struct({
          count: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 20 })),
          batch: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 })),
          decoders: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 })),
          chunk: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 })),
          delays: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 }))),
          runs: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 })))
        })
      )
    ],
    ([{ count, delays, runs, ...options }]) =>
      Effect.gen(function* () {
        const { here, request } = yield* fresh
        // Some samples come twice.
        const which = range(0, count).map((i) => (i * 7) % 13)
        const { load, ...rest } = request(which, options)
        const slow = (i: number) => Effect.andThen(pause(delays[i % delays.length] ?? 0), load(i))
        const { features } = yield* here(FeatureStore.encode({ ...rest, load: slow })).pipe(
          Effect.provide(lazily(runs))
        )
        assert.deepStrictEqual(features, yield* expected(which))
      }).pipe(Effect.scoped),
    { arbitrary: { runs: 12 } }
  )

  it.effect("encodes a set once, and reads the same features back, as a whole, in pieces, and as safetensors", () =>
    Effect.gen(function* () {
      const { fs, here, request, loaded, unfinished } = yield* fresh
      const first = yield* here(FeatureStore.encode(request(range(0, 40))))
      const second = yield* here(FeatureStore.encode(request(range(0, 40))))
      assert.strictEqual(loaded.length, 40)
      assert.deepStrictEqual([first.artifact.reused, second.artifact.reused], [false, true])
      assert.deepStrictEqual(second.features, first.features)
      const kept = yield* here(FeatureStore.keep(request(range(0, 40))))
      const rows: Array<number> = []
      yield* FeatureStore.eachRows(kept, ({ data }) => Effect.sync(() => rows.push(...data)))
      assert.deepStrictEqual(Float32Array.from(rows), first.features.data)
      assert.deepStrictEqual(
        new Uint8Array(yield* fs.readFile(kept.file)),
        Safetensors.encode({ features: first.features })
      )
      assert.deepStrictEqual(yield* unfinished, [])
    })
  )

  it.effect("a set that grows, loses samples, or is put in another order has only the new ones encoded", () =>
    Effect.gen(function* () {
      const { here, request, loaded } = yield* fresh
      yield* here(FeatureStore.keep(request(range(0, 10))))
      loaded.length = 0
      const changed = [12, 3, 3, 11, 0, 9, 12]
      const { features } = yield* here(FeatureStore.encode(request(changed)))
      assert.deepStrictEqual(loaded.toSorted(), [11, 12])
      assert.deepStrictEqual(features, yield* expected(changed))
      const other = { ...request(changed), preprocessing: { side: 29 } }
      yield* here(FeatureStore.keep(other))
      assert.strictEqual(loaded.length, 2 + 5)
    })
  )

  it.effect("rows are not taken from a damaged set", () =>
    Effect.gen(function* () {
      const { fs, here, request, loaded } = yield* fresh
      const { file } = yield* here(FeatureStore.keep(request(range(0, 5))))
      const bytes = yield* fs.readFile(file)
      bytes[bytes.length - 3]! ^= 1
      yield* fs.writeFile(file, bytes)
      const { features } = yield* here(FeatureStore.encode(request(range(1, 6))))
      assert.strictEqual(loaded.length, 10)
      assert.deepStrictEqual(features, yield* expected(range(1, 6)))
    })
  )

  it.effect(
    "what was encoded before an end is kept in chunks, serves other work too, and is gone when it is finished",
    () =>
      Effect.gen(function* () {
        const { fs, folder, here, request, loaded, unfinished } = yield* fresh
        const stopped = (which: ReadonlyArray<number>, at: number) => {
          const { load, ...rest } = request(which, { batch: 2, chunk: 4, decoders: 1 })
          const fail = (i: number) => (which[i] === at ? Effect.fail(`sample ${at} is broken`) : load(i))
          return here(Effect.flip(FeatureStore.keep({ ...rest, load: fail })))
        }
        assert.strictEqual(yield* stopped(range(0, 20), 13), "sample 13 is broken")
        assert.deepStrictEqual(yield* fs.readDirectory(`${folder}/features`), [])
        assert.isAtMost(loaded.length, 13)
        const chunks = (yield* unfinished).filter((name) => name.endsWith(".safetensors"))
        assert.isAtLeast(chunks.length, 2)
        // A process that was killed as it wrote leaves a file that is only half there.
        yield* fs.writeFileString(
          `${folder}/${PartialFeatures.FOLDER}/${chunks[0]!.split("/")[0]}/.partial-1-x.safetensors`,
          ""
        )
        loaded.length = 0
        const { features } = yield* here(FeatureStore.encode(request(range(2, 20))))
        const kept = 4 * chunks.length
        assert.deepStrictEqual(
          loaded.toSorted((a, b) => a - b),
          range(kept, 20)
        )
        assert.deepStrictEqual(features, yield* expected(range(2, 20)))
        // The first two samples of the first chunk are in no finished set yet.
        assert.strictEqual((yield* unfinished).filter((name) => name.endsWith(".safetensors")).length, 1)
        yield* here(FeatureStore.keep(request(range(0, 20))))
        assert.strictEqual(loaded.length, 20 - kept)
        assert.deepStrictEqual(yield* unfinished, [])
      })
  )

  it.effect("a chunk that was damaged is encoded anew", () =>
    Effect.gen(function* () {
      const { fs, folder, here, request, loaded, unfinished } = yield* fresh
      const { load, ...rest } = request(range(0, 9), { batch: 2, chunk: 4, decoders: 1 })
      const failing = (i: number) => (i === 8 ? Effect.fail("no") : load(i))
      yield* here(Effect.flip(FeatureStore.keep({ ...rest, load: failing })))
      const chunk = (yield* unfinished).find((name) => name.endsWith(".safetensors"))
      const file = `${folder}/${PartialFeatures.FOLDER}/${chunk}`
      const bytes = yield* fs.readFile(file)
      // In a row of the features, which lie behind the header.
      bytes[bytes.length - 4 * 32 - 40]! ^= 1
      yield* fs.writeFile(file, bytes)
      loaded.length = 0
      const { features } = yield* here(FeatureStore.encode({ ...rest, load }))
      assert.isAtLeast(loaded.length, 5)
      assert.deepStrictEqual(features, yield* expected(range(0, 9)))
    })
  )

  it.effect("two who want the same features share the work, and one waits for the other", () =>
    Effect.gen(function* () {
      const { folder, here, request, loaded } = yield* fresh
      const path = yield* Path.Path
      const both = yield* Effect.all(
        [here(FeatureStore.encode(request(range(0, 12)))), here(FeatureStore.encode(request(range(4, 16))))],
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        loaded.toSorted((a, b) => a - b),
        range(0, 16)
      )
      assert.deepStrictEqual(both[0].features, yield* expected(range(0, 12)))
      assert.deepStrictEqual(both[1].features, yield* expected(range(4, 16)))

      // As another process would have it.
      const [entry] = yield* FeatureIndex.list(folder)
      const place = PartialFeatures.folderOf(path, folder, entry!.kind)
      const released = yield* Deferred.make<void>()
      const holder = yield* Lock.hold(place, "another").pipe(
        Effect.andThen(Deferred.await(released)),
        Effect.scoped,
        Effect.forkChild({ startImmediately: true })
      )
      yield* Effect.sleep("50 millis")
      const waiter = yield* Effect.forkChild(here(FeatureStore.encode(request([20]))))
      yield* Effect.sleep("600 millis")
      assert.notInclude(loaded, 20)
      yield* Deferred.succeed(released, undefined)
      yield* Fiber.join(holder)
      assert.deepStrictEqual((yield* Fiber.join(waiter)).features, yield* expected([20]))
    })
  )

  it.effect(
    "no more samples than `ahead` are decoded and wait, and the next ones are decoded while a batch is encoded",
    () =>
      Effect.gen(function* () {
        const { here, request } = yield* fresh
        const { load, ...rest } = request(range(0, 64), { batch: 4, ahead: 8, decoders: 3 })
        const alive = yield* Ref.make(0)
        let [most, begun] = [0, 0]
        const registry = new FinalizationRegistry(() => undefined)
        const counted = (i: number) =>
          Effect.gen(function* () {
            begun++
            most = Math.max(most, begun - (yield* Ref.get(alive)))
            const tensor = yield* load(i)
            registry.register(tensor, i)
            return tensor
          })
        const progress = Layer.succeed(
          Progress,
          Progress.of({
            bar: () => Effect.succeed((n) => Ref.update(alive, (done) => done + n)),
            parts: Effect.succeed(() => Effect.void)
          })
        )
        yield* here(FeatureStore.keep({ ...rest, load: counted })).pipe(Effect.provide(progress))
        // Those that wait, and two batches on their way.
        assert.isAtMost(most, 8 + 2 * 4)
        assert.isAtLeast(most, 5)
      })
  )

  it.effect("a batch that there is no memory for fails by its size, or is halved where that was asked for", () =>
    Effect.gen(function* () {
      const { here, request } = yield* fresh
      const small = lazily([2, 0, 1], 3)
      const error = yield* here(Effect.flip(FeatureStore.keep(request(range(0, 20), { batch: 8 })))).pipe(
        Effect.provide(small)
      )
      assert.include(error.message, "not enough memory for a batch of 8 samples: lower the batch size")
      const options = { batch: 8, onOutOfMemory: "halve" } as const
      const { features } = yield* here(FeatureStore.encode(request(range(0, 20), options))).pipe(Effect.provide(small))
      assert.deepStrictEqual(features, yield* expected(range(0, 20)))
    })
  )

  it.effect("on a device a batch that does not fit is halved, and later ones are as small from the start", () =>
    Effect.gen(function* () {
      const { folder, here, request } = yield* fresh
      const sizes: Array<number> = []
      const device = Layer.effect(
        EncoderRuntime,
        EncoderRuntime.use((runtime) => Effect.succeed({ ...runtime, info: { ...runtime.info, provider: "cuda" } }))
      ).pipe(Layer.provide(lazily([0], 5, sizes)))
      const wanted = request(range(0, 100), { batch: 16 })
      const { features, artifact } = yield* here(FeatureStore.encode(wanted)).pipe(Effect.provide(device))
      assert.deepStrictEqual(features, yield* expected(range(0, 100)))
      // Two batches are on their way at a time, and each may find out.
      assert.isAtMost(sizes.filter((size) => size > 4).length, 4)
      assert.isAtMost(Math.max(...sizes.slice(8)), 4)
      const [entry] = yield* FeatureIndex.list(folder)
      assert.deepStrictEqual(entry!.on, { provider: "cuda", runtime: "1.29.0", batch: 16 })
      const own = yield* here(FeatureStore.encode(wanted))
      assert.notStrictEqual(own.artifact.digest, artifact.digest)
      assert.deepStrictEqual(own.features, features)
    })
  )

  it.effect("every sample's memory is let go, as soon as its batch is made, and where encoding ends early", () =>
    Effect.gen(function* () {
      const { here, request } = yield* fresh
      let [open, most, loads] = [0, 0, 0]
      const { load, ...rest } = request(range(0, 60), { batch: 4, ahead: 8, decoders: 3 })
      const counted = (i: number) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            most = Math.max(most, ++open)
            loads++
          }),
          () => Effect.sync(() => open--)
        ).pipe(Effect.andThen(load(i)))
      yield* here(FeatureStore.keep({ ...rest, load: counted }))
      assert.strictEqual(open, 0)
      assert.isAtMost(most, 8)
      const failing = (i: number) => (i === 31 ? Effect.fail("broken") : counted(i))
      const other = { ...rest, preprocessing: { side: 29 } }
      assert.strictEqual(yield* here(Effect.flip(FeatureStore.keep({ ...other, load: failing }))), "broken")
      assert.strictEqual(open, 0)
      loads = 0
      const endless = (i: number) => Effect.andThen(counted(i), i === 40 ? Effect.never : load(i))
      const fiber = yield* Effect.forkChild(here(FeatureStore.keep({ ...other, load: endless })))
      yield* Effect.repeat(pause(5), { until: () => loads > 0 && open > 0 })
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(open, 0)
    })
  )

  it.effect("a sample of another shape, or without a digest, is an error that names it", () =>
    Effect.gen(function* () {
      const { here, request } = yield* fresh
      const wide = {
        ...request(range(0, 3)),
        load: () => Effect.succeed(Tensor.float32([1, 28, 1], new Float32Array(28)))
      }
      const error = yield* here(Effect.flip(FeatureStore.keep(wide)))
      assert.include(error.message, `digit-image cannot encode sample 0 (${Digest.short(digestOf(0))})`)
      assert.include(error.message, "takes float32 [1, 28, 28], not float32 [1, 28, 1]")
      const late = {
        ...request(range(0, 3)),
        load: (i: number) =>
          Effect.sync(() => {
            const tensor = sample(image, i)
            ;(tensor.data.buffer as ArrayBuffer).transfer()
            return tensor
          })
      }
      const gone = yield* here(Effect.flip(FeatureStore.keep(late)))
      assert.include(gone.message, "the tensor for the input input has 0 numbers: its memory was let go")
      const nameless = yield* here(
        Effect.flip(FeatureStore.keep({ ...request([0, 1]), samples: [digestOf(0), "one"] }))
      )
      assert.include(nameless.message, 'sample 1: "one" is no SHA-256')
    })
  )

  it.effect("tells what is stored and what it cost", () =>
    Effect.gen(function* () {
      const { folder, here, request } = yield* fresh
      yield* here(FeatureStore.keep(request(range(0, 10))))
      yield* here(FeatureStore.keep(request(range(5, 12))))
      const [entry, ...others] = yield* FeatureIndex.list(folder)
      assert.deepStrictEqual(others, [])
      const { encoder, preprocessing, sets, samples, unfinished, encoded, bytes } = entry!
      assert.deepStrictEqual(encoder, { name: image.name, digest: image.digest, width: WIDTH })
      assert.deepStrictEqual(preprocessing, { side: 28 })
      assert.deepStrictEqual([sets, samples, unfinished, encoded], [2, 12, 0, 12])
      assert.isAtLeast(bytes, 4 * WIDTH * 17)
      assert.deepStrictEqual(yield* FeatureIndex.list(`${folder}/nowhere`), [])
    })
  )
})
