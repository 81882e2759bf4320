/** One training of an experiment as an artifact: the heads and the events, made by a method, a seed and features. */
import type { Features, Method, Ops } from "@igm/gradient"
import { type Artifact, ArtifactStore, AtomicFile, IoError, type Progress } from "@igm/io"
import { Digest, Safetensors, Tensor } from "@igm/tensor"
import { HeadTrainer, Weights } from "@igm/training"
import { Effect, Path, Stream } from "effect"
import * as Journal from "./Journal.ts"

/** Raised when a change of the code changes what a training makes, so that older artifacts are not taken for it. */
const VERSION = 3

/** The heads of one method and seed, with what happened. */
export interface Trained {
  readonly weights: Ops.Named<Method.HostTensor>
  readonly events: ReadonlyArray<Method.Event>
  readonly artifact: Artifact
}

const digestOf = (features: Features.Features<"train" | "valid", Features.Dims>): Digest.Json => ({
  labels: Digest.ofTensor(Tensor.int32([features.labels.length], features.labels)),
  features: Digest.ofTensors(features.modalities)
})

/** Trains heads unless the same training is stored. `advance` is called after each epoch. */
export const train = Effect.fn("Training.train")(function* (
  method: Method.Method<Features.Dims>,
  job: Method.Job<Features.Dims>,
  advance: Effect.Success<ReturnType<Progress["Service"]["bar"]>>
) {
  const path = yield* Path.Path
  const store = yield* ArtifactStore
  const trainer = yield* HeadTrainer
  const { engine, device, versions } = trainer.about
  const key = {
    version: VERSION,
    method: method.settings,
    seed: job.seed,
    train: digestOf(job.train),
    select: digestOf(job.select),
    engine,
    device,
    versions
  }
  const artifact = yield* store.getOrMake("training", key, (scratch) =>
    Effect.gen(function* () {
      const all = yield* trainer.train(method, job).pipe(
        Stream.tap((event) => (event.kind === "epoch" ? advance(1) : Effect.void)),
        Stream.runCollect
      )
      const events = all.filter((event) => event.kind !== "trained" && event.kind !== "checkpoint")
      const weights = all.flatMap((event) => (event.kind === "trained" ? [event.weights] : []))
      yield* AtomicFile.write(path.join(scratch, "events.jsonl"), Journal.encode(events))
      yield* AtomicFile.write(path.join(scratch, "heads.safetensors"), Safetensors.encode(Weights.stored(weights[0]!)))
    })
  )
  if (artifact.reused) yield* advance(method.epochs)
  const file = (name: string) => path.join(artifact.folder, name)
  const text = new TextDecoder().decode(yield* AtomicFile.read(file("events.jsonl")))
  const damaged = (name: string) => (cause: unknown) =>
    new IoError({ path: file(name), problem: "this file is damaged", cause })
  const events = yield* Journal.decode(Journal.lines(text)).pipe(Effect.mapError(damaged("events.jsonl")))
  const bytes = yield* AtomicFile.read(file("heads.safetensors"))
  const { tensors } = yield* Effect.try({
    try: () => Safetensors.decode(bytes),
    catch: damaged("heads.safetensors")
  })
  const weights = Object.fromEntries(Object.entries(tensors).map(([name, w]) => [name, Tensor.toFloat64(w)]))
  const trained: Trained = { weights, events, artifact }
  return trained
})
