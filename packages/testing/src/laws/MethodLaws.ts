/**
 * Laws of every training method, including a user's: they run whole trainings on small random features, by the given
 * `HeadTrainer`.
 */
import { type Features, Head, type Igm, type Method, Ops, Ring, Selection } from "@igm/gradient"
import { type Split, Tensor } from "@igm/tensor"
import { HeadTrainer } from "@igm/training"
import { Effect, Schema, Stream } from "effect"
import { Seed, features } from "../Cases.ts"
import { relative, relatives, worst } from "../Distance.ts"
import * as Law from "../Law.ts"

const WIDTH = 5
const BATCH = 4

type Heads = { readonly audio: Head.Head<number, number>; readonly video: Head.Head<number, number> }
type Dims = Igm.WidthsOf<Heads>

/** A constructor of the method under test, for two modalities of equal width. */
export type Make = (options: Igm.Options<Heads>) => Method.Method<Dims>

const Case = Schema.Struct({
  seed: Seed,
  classes: Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 4 })),
  hidden: Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 5 })),
  rounds: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2 }))
})

type Case = typeof Case.Type

const optionsOf = ({ classes, hidden, rounds }: Case): Igm.Options<Heads> => {
  const head: Head.Head = Head.make(WIDTH, hidden, classes)
  return {
    heads: { audio: head, video: head },
    ring: Ring.make(["audio", "video"], { rounds, epochs: { audio: 1, video: 1 } }),
    selection: Selection.best("accuracy"),
    batch: BATCH,
    rho: 1e-3
  }
}

const split = <S extends Split.Split>(name: S, { seed, classes }: Case, n: number): Features.Features<S, Dims> => ({
  split: name,
  widths: { audio: WIDTH, video: WIDTH },
  classes,
  ids: Array.from({ length: n }, (_, i) => `${name}-${i}`),
  labels: Int32Array.from({ length: n }, (_, i) => i % classes),
  modalities: {
    audio: Tensor.toFloat32(features(n, WIDTH, seed, name, "audio")),
    video: Tensor.toFloat32(features(n, WIDTH, seed, name, "video"))
  }
})

/** The laws of a method. */
export const laws = (make: Make): ReadonlyArray<Law.Law<HeadTrainer>> => {
  const { name } = make(optionsOf({ seed: 0, classes: 2, hidden: 2, rounds: 1 }))
  const law = (what: string, tolerance: number, deviation: (of: Case) => Effect.Effect<number, unknown, HeadTrainer>) =>
    Law.makeEffect({
      name: `${name} ${what}`,
      cases: Case,
      tolerance,
      deviation: (of) => deviation(of).pipe(Effect.orDie)
    })
  const jobOf = (of: Case): Method.Job<Dims> => ({
    seed: of.seed,
    train: split("train", of, 3 * BATCH + 1),
    select: split("valid", of, 7)
  })
  const trained = (of: Case, job: Method.Job<Dims> = jobOf(of)) =>
    HeadTrainer.use((trainer) => Stream.runCollect(trainer.train(make(optionsOf(of)), job))).pipe(
      Effect.map((events) => events.flatMap((event) => (event.kind === "trained" ? [event.weights] : []))[0]!)
    )
  const predictionsOf = (of: Case, weights: Ops.Named<Method.HostTensor>, test: Features.Features<Split.Split, Dims>) =>
    HeadTrainer.use((trainer) => trainer.predict(make(optionsOf(of)), weights, test.modalities))
  return [
    law("gives the same weights for the same seed", 0, (of) =>
      Effect.map(Effect.all([trained(of), trained(of)]), ([a, b]) => relatives(a, b))
    ),
    law("fires: the weights it keeps have moved, and are finite", 0, (of) =>
      Effect.map(trained(of), (weights) => {
        const start = make(optionsOf(of)).start(jobOf(of)).state
        if (!Object.values(weights).every(({ data }) => data.every(Number.isFinite))) return Number.NaN
        return relatives(
          weights,
          Ops.mapNamed(weights, (_, name) => Ops.get(start, name))
        ) > 1e-9
          ? 0
          : 1
      })
    ),
    law("gives distributions, and scores a sample alone as among others", 1e-6, (of) =>
      Effect.gen(function* () {
        const weights = yield* trained(of)
        const test = split("test", of, 6)
        const whole = (yield* predictionsOf(of, weights, test)).probabilities
        const sums = Array.from({ length: 6 }, (_, i) => {
          const row = Tensor.takeRows(whole, [i]).data
          return Math.abs(row.reduce((a, b) => a + b, 0) - 1)
        })
        const rows = Array.from({ length: 6 }, (_, i) => i).toReversed()
        const modalities = {
          audio: Tensor.takeRows(test.modalities.audio, rows.slice(0, 1)),
          video: Tensor.takeRows(test.modalities.video, rows.slice(0, 1))
        }
        const alone = (yield* predictionsOf(of, weights, { ...test, modalities })).probabilities
        return worst([...sums, relative(alone.data, Tensor.takeRows(whole, [5]).data)])
      })
    ),
    law("permutes its predictions with the samples", 1e-6, (of) =>
      Effect.gen(function* () {
        const weights = yield* trained(of)
        const test = split("test", of, 6)
        const order = [3, 1, 5, 0, 4, 2]
        const modalities = {
          audio: Tensor.takeRows(test.modalities.audio, order),
          video: Tensor.takeRows(test.modalities.video, order)
        }
        const whole = (yield* predictionsOf(of, weights, test)).probabilities
        const turned = (yield* predictionsOf(of, weights, { ...test, modalities })).probabilities
        return relative(turned.data, Tensor.takeRows(whole, order).data)
      })
    )
  ]
}
