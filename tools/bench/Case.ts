/** The benchmarked case: IGM's released semantics on real or made-up features, at the beginning of its second turn. */
import { Features, Head, Igm, type Method, Ring, Selection } from "@igm/gradient"
import { Keyed, Safetensors, Tensor } from "@igm/tensor"
import { type HeadTrainer, type Interpreter, JobState } from "@igm/training"
import { Effect, Stream } from "effect"
import { existsSync, readFileSync } from "node:fs"

/** The head of the bars. */
export const WIDTHS = [512, 256, 64, 6] as const

const dims = { audio: 512, video: 512 } as const

/** Features of two modalities, and where they are from. */
export interface Data {
  readonly from: string
  readonly features: Features.Features<"train", typeof dims>
}

/** Made-up features as ReLU networks give them: not negative, about a mean of their own. */
const made = (n: number): Data["features"] => {
  const stream = Keyed.stream(["bench", n])
  const modality = () => {
    const mean = Float64Array.from({ length: 512 }, () => Math.abs(Keyed.normal(stream)))
    const data = Float32Array.from({ length: n * 512 }, (_, i) =>
      Math.max(0, mean[i % 512]! * (1 + 0.5 * Keyed.normal(stream)))
    )
    return Tensor.float32([n, 512], data)
  }
  const labels = Int32Array.from({ length: n }, (_, i) => i % 6)
  const ids = Array.from(labels, (_, i) => String(i))
  return { split: "train", widths: dims, classes: 6, ids, labels, modalities: { audio: modality(), video: modality() } }
}

/** The features of a file with `audio`, `video` and `label`, or made-up ones where there is none. */
export const read = (file: string): Data => {
  if (!existsSync(file)) return { from: "made-up features, 704 samples", features: made(704) }
  const { tensors } = Safetensors.decode(readFileSync(file))
  const labels = Int32Array.from(tensors["label"]!.data, Number)
  const modalities = { audio: tensors["audio"], video: tensors["video"] } as Data["features"]["modalities"]
  const ids = Array.from(labels, (_, i) => String(i))
  return { from: file, features: { split: "train", widths: dims, classes: 6, ids, labels, modalities } }
}

/** So many samples: those of the features again and again, each time with other noise. */
export const enlarged = (features: Data["features"], n: number): Data["features"] => {
  const stream = Keyed.stream(["enlarged", n])
  const rows = Array.from({ length: n }, (_, i) => i % features.labels.length)
  const more = Features.takeRows<"train", "train", typeof dims>(features, rows)
  const noisy = (tensor: Tensor.Tensor<"float32">) =>
    Tensor.float32(
      tensor.shape,
      tensor.data.map((x) => x * (0.9 + 0.2 * stream.uniform()))
    )
  return { ...more, modalities: { audio: noisy(more.modalities.audio), video: noisy(more.modalities.video) } }
}

/** The method of the bars, with its numbers. */
export const methodOf = (
  batch: number,
  { tau = 0.4, rho = 1e-10, rate = 0.01 }: { readonly tau?: number; readonly rho?: number; readonly rate?: number } = {}
) =>
  Igm.code({
    heads: { audio: Head.make(...WIDTHS), video: Head.make(...WIDTHS) },
    ring: Ring.make(["audio", "video"], { rounds: 1, epochs: { audio: 1, video: 1 } }),
    selection: Selection.best("accuracy"),
    batch,
    tau,
    rho,
    optimizer: { ...Igm.sgd, rate }
  })

/** A job on the features; every eleventh sample selects. */
export const jobOf = (features: Data["features"], seed: number): Method.Job<typeof dims> => ({
  seed,
  train: features,
  select: Features.takeRows(
    features,
    Array.from({ length: Math.ceil(features.labels.length / 11) }, (_, i) => i * 11),
    "valid"
  )
})

/** The second turn as it begins. */
export const secondTurn = Effect.fnUntraced(function* (
  trainer: HeadTrainer["Service"],
  it: Interpreter.Interpreter["Service"],
  features: Data["features"],
  batch: number,
  rho: number
) {
  const [method, job] = [methodOf(batch, { rho }), jobOf(features, 1)]
  const first = yield* trainer.train(method, job).pipe(
    Stream.filter((event) => event.kind === "checkpoint"),
    Stream.runHead
  )
  if (first._tag === "None") return yield* Effect.die("the first turn has no checkpoint")
  const lane = yield* it.lane
  const task = JobState.widen({ method, job })
  const jobState = yield* JobState.enter(it, task, first.value.cursor, lane)
  return { task, jobState, lane, before: first.value.cursor, input: yield* JobState.block(jobState) }
})
