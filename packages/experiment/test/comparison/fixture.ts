/** Small features of two modalities, and what a cross-validation of methods on them needs. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert } from "@effect/vitest"
import { type Features, Head, Ring, Selection } from "@igm/gradient"
import { type Artifact, ArtifactStore, Progress } from "@igm/io"
import { Keyed, Tensor } from "@igm/tensor"
import { HeadTrainer } from "@igm/training"
import { Effect, FileSystem, Layer } from "effect"
import { Run, type Training } from "../../src/index.ts"
import { setOf } from "../fixture.ts"

export type Widths = { readonly audio: 8; readonly image: 6 }

export const CLASSES = 3

const features = <S extends "train" | "valid">(split: S, count: number): Features.Features<S, Widths> => {
  const stream = Keyed.stream(["fixture", split])
  const labels = Int32Array.from({ length: count }, () => Keyed.below(stream, CLASSES))
  const modality = (width: number) =>
    Tensor.float32(
      [count, width],
      Array.from({ length: count * width }, (_, i) =>
        Math.max(0, Keyed.normal(stream) + (i % width === labels[Math.floor(i / width)] ? 1 : 0))
      )
    )
  const ids = Array.from(labels, (_, i) => `${split}-${i}`)
  const modalities = { audio: modality(8), image: modality(6) }
  return { split, widths: { audio: 8, image: 6 }, classes: CLASSES, ids, labels, modalities }
}

const groupsOf = (split: string, count: number) => Array.from({ length: count }, (_, i) => `${split} ${i % 4}`)

/** 130 samples of eight groups. */
export const data: Training.Data<Widths> = {
  train: setOf(features("train", 90), groupsOf("a", 90)),
  valid: setOf(features("valid", 40), groupsOf("b", 40))
}

/** Options of methods on these features. */
export const options = {
  heads: { audio: Head.make(8, 10, 6, CLASSES), image: Head.make(6, 10, 6, CLASSES) },
  ring: Ring.make(["audio", "image"], { rounds: 1, epochs: { audio: 2, image: 1 } }),
  selection: Selection.best("accuracy"),
  batch: 12,
  rho: 0
}

/** A trainer, and a store of its own. */
export const environment = Layer.unwrap(
  Effect.gen(function* () {
    const folder = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
    return Layer.mergeAll(ArtifactStore.layer(folder), Progress.layerSilent, Run.layerNone)
  })
).pipe(Layer.provideMerge(HeadTrainer.layerReference), Layer.provideMerge(NodeServices.layer))

/** The result of a cross-validation, with the one artifact that holds its scores. */
export const stored = <A, E, R>(validate: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const store = yield* ArtifactStore
    const artifacts: Array<Artifact> = []
    const noting: ArtifactStore["Service"] = {
      ...store,
      getOrMake: (work, make) =>
        Effect.map(store.getOrMake(work, make), (artifact) => {
          artifacts.push(artifact)
          return artifact
        })
    }
    const found = yield* validate.pipe(Effect.provideService(ArtifactStore, noting))
    const [artifact, ...others] = artifacts
    assert.deepStrictEqual([artifact?.stage, others], ["cross-validation", []])
    return { found, artifact: artifact! }
  })
