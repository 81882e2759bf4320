/** What a user of a cross-validation relies on: it judges by samples that selected nothing, goes on where it stopped, and is stored. */
import { assert, describe, it } from "@effect/vitest"
import { Baselines, type Features, Igm, Metric } from "@igm/gradient"
import { ArtifactStore, IoError } from "@igm/io"
import { Tensor } from "@igm/tensor"
import { HeadTrainer } from "@igm/training"
import { Effect, FileSystem, Result, Stream } from "effect"
import { CrossValidation, Folds, Run } from "../../src/index.ts"
import { CLASSES, type Widths, data, environment, options, stored } from "./fixture.ts"

const methods = [0.1, 1.3].flatMap((tau) =>
  [1e-15, 1e-2].map((rho) => ({ ...Igm.paper({ ...options, tau, rho }), name: `IGM at ${tau}, ${rho}` }))
)

const design = { methods, folds: 3, seeds: [4, 5], on: data }

describe("CrossValidation", () => {
  it("the test split is not accepted", () => {
    const test = { ...data.valid, split: "test" as const }
    // @ts-expect-error the methods are scored on the test split
    void CrossValidation.run({ ...design, on: { ...data, valid: test } })
  })

  it.effect("scores what training by hand on each fold's rows scores, and takes it from the store the next time", () =>
    Effect.gen(function* () {
      const { found, artifact } = yield* stored(CrossValidation.run(design))
      assert.isFalse(artifact.reused)
      const trainer = yield* HeadTrainer
      const { train, valid } = data
      const tensors = (name: "audio" | "image") =>
        Tensor.float32([130, train.widths[name]], [...train.modalities[name].data, ...valid.modalities[name].data])
      const joined: Features.Features<"train", Widths> = {
        ...train,
        ids: [...train.ids, ...valid.ids],
        labels: Int32Array.of(...train.labels, ...valid.labels),
        modalities: { audio: tensors("audio"), image: tensors("image") }
      }
      const take = (rows: Int32Array) => ({
        labels: Int32Array.from(rows, (i) => joined.labels[i]!),
        audio: Tensor.takeRows(joined.modalities.audio, rows),
        image: Tensor.takeRows(joined.modalities.image, rows)
      })
      const groups = [...data.train.groups, ...data.valid.groups]
      const folds = Result.getOrThrow(
        Folds.make({ labels: joined.labels, groups, classes: CLASSES, folds: 3, seed: 4 })
      )
      const sizes = folds.map(({ train, select, held }) => [train.length, select.length, held.length])
      assert.deepStrictEqual(
        found.folds.map(({ train, select, held }) => [train, select, held]),
        sizes
      )
      const method = Igm.paper({ ...options, tau: 1.3, rho: 1e-15 })
      for (const [k, fold] of folds.entries()) {
        const [selecting, held] = [take(fold.select), take(fold.held)]
        const select = {
          ...valid,
          ids: Array.from(selecting.labels, String),
          labels: selecting.labels,
          modalities: { audio: selecting.audio, image: selecting.image }
        }
        for (const [s, seed] of [4, 5].entries()) {
          const events = yield* Stream.runCollect(
            trainer.train(method, { seed, train: joined, select, rows: fold.train })
          )
          const weights = events.flatMap((event) => (event.kind === "trained" ? [event.weights] : []))[0]!
          const predictions = yield* trainer.predict(method, weights, { audio: held.audio, image: held.image })
          const metrics = yield* Metric.score(held.labels, predictions.probabilities)
          assert.closeTo(found.scores[2]![k]![s]!.accuracy, metrics.accuracy, 1e-12)
        }
      }
      const again = yield* stored(CrossValidation.run(design))
      assert.isTrue(again.artifact.reused)
      assert.deepStrictEqual(again.found, found)
      // A method of another name and equal settings is trained once, and so is one that is given twice.
      const twice = [...methods, { ...methods[2]!, name: "again" }]
      const both = yield* stored(CrossValidation.run({ ...design, methods: twice }))
      assert.isTrue(both.artifact.reused)
      assert.deepStrictEqual(both.found.scores[4], found.scores[2])
      const other = yield* stored(CrossValidation.run({ ...design, methods: methods.slice(0, 1), seeds: [6] }))
      assert.isFalse(other.artifact.reused)
    }).pipe(Effect.provide(environment))
  )

  it.effect("goes on from the scores that were kept, and takes none that are damaged or of other work", () =>
    Effect.gen(function* () {
      const here = <A, E, R>(effect: Effect.Effect<A, E, R>, run: Partial<Run["Service"]>) =>
        Effect.gen(function* () {
          const folder = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
          const none = yield* Run
          return yield* effect.pipe(
            Effect.provideService(Run, Run.of({ ...none, ...run })),
            Effect.provide(ArtifactStore.layer(folder))
          )
        })
      const validate = stored(CrossValidation.run(design))
      const whole = yield* here(validate, {})
      let bytes = new Uint8Array()
      let kept = 0
      const stopping = here(validate, {
        keep: (_, next) => {
          bytes = Uint8Array.from(next)
          return ++kept < 5 ? Effect.void : Effect.fail(new IoError({ path: "here", problem: "stopped" }))
        }
      })
      assert.strictEqual((yield* Effect.flip(stopping)).message, "here: stopped")

      let rest = 0
      const resumed = yield* here(validate, {
        keep: () => Effect.sync(() => void rest++),
        kept: (work, decode) => {
          bytes.forEach((byte, at) => {
            const found = decode(bytes.with(at, byte ^ 1))
            // The seventeenth digit of a number may be another, and the number the same.
            if ("checkpoint" in found) assert.deepStrictEqual(found, decode(bytes), `byte ${at}`)
          })
          const text = new TextDecoder().decode(bytes)
          assert.property(decode(new TextEncoder().encode(text.replace(work, "d".repeat(64)))), "problem")
          const found = decode(bytes)
          return "checkpoint" in found ? Effect.succeed(found.checkpoint) : assert.fail(found.problem)
        }
      })
      assert.strictEqual(rest, 4 * 3 * 2 - 5)
      assert.deepStrictEqual(resumed.found, whole.found)
      assert.deepStrictEqual(resumed.artifact.files, whole.artifact.files)
    }).pipe(Effect.provide(environment))
  )

  it.effect("a method that diverges has no scores, and those beside it have what they have without it", () =>
    Effect.gen(function* () {
      const diverging = [1e4, 1e5].map((rate) => {
        const method = Baselines.lateFusion({ ...options, optimizer: { ...Igm.sgd, rate }, batch: 2 })
        return { ...method, name: `late fusion at ${rate}` }
      })
      const { scores } = yield* CrossValidation.run({ ...design, methods: [...diverging, methods[0]!] })
      assert.deepStrictEqual(scores.slice(0, 2), [null, null])
      const alone = yield* CrossValidation.run({ ...design, methods: methods.slice(0, 1) })
      assert.deepStrictEqual(scores[2], alone.scores[0])
    }).pipe(Effect.provide(environment))
  )

  it.effect("tells what does not fit before anything trains", () =>
    Effect.gen(function* () {
      const message = (changed: Partial<typeof design>) =>
        Effect.map(Effect.flip(CrossValidation.run({ ...design, ...changed })), (error) => error.message)
      assert.strictEqual(yield* message({ folds: 9 }), "8 groups cannot be dealt into 9 folds: take fewer folds")
      assert.include(yield* message({ folds: 2 }), "the cross-validation: folds is 2: give three folds at least")
      assert.include(yield* message({ seeds: [] }), "the cross-validation: seeds is a list: give one seed at least")
      const twice = methods.map((method) => ({ ...method, name: "IGM" }))
      assert.include(yield* message({ methods: twice }), 'the cross-validation: two methods have the name "IGM"')
      const large = { ...Baselines.lateFusion({ ...options, batch: 64 }), name: "late fusion at batch = 64" }
      assert.match(
        yield* message({ methods: [...methods, large] }),
        /^the cross-validation: late fusion at batch = 64 trains in batches of 64, and there are \d\d training samples/
      )
    }).pipe(Effect.provide(environment))
  )
})
