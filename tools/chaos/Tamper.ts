/**
 * Changes that are planted in a run or in its replay, each as a layer over a service: in what a stage writes, in what a
 * stage is said to be, or in a step of a training. The product knows nothing of them.
 */
import type { Method } from "@igm/gradient"
import { Mnist } from "@igm/av-digits"
import { ArtifactStore, type Work } from "@igm/io"
import { GreyImage } from "@igm/media"
import { OnnxRuntime } from "@igm/onnx"
import { Tensor } from "@igm/tensor"
import { Draws, HeadTrainer, Interpreter as Interpreters, OnnxProgram, StepFingerprints } from "@igm/training"
import { Effect, FileSystem, Layer, Path } from "effect"

const { Interpreter } = Interpreters

type Row = { readonly split: string; readonly label: number }

/** Changes the index of the samples that a stage has just written. */
const index = (change: (rows: ReadonlyArray<Row>) => ReadonlyArray<Row>) =>
  Effect.fnUntraced(function* (scratch: string) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const file = path.join(scratch, "index.json")
    const rows = JSON.parse(yield* fs.readFileString(file)) as ReadonlyArray<Row>
    yield* fs.writeFileString(file, `${JSON.stringify(change(rows))}\n`)
  })

const ofTrain = (rows: ReadonlyArray<Row>) => rows.findIndex(({ split }) => split === "train")

/** Changes of the media, by name. */
const media = {
  "one sample's pixel": Effect.fnUntraced(function* (scratch: string) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const names = (yield* fs.readDirectory(path.join(scratch, "image"))).filter((name) => name.startsWith("train"))
    const file = path.join(scratch, "image", names.toSorted()[0]!)
    const { data } = yield* GreyImage.preprocess.load({ path: file })
    const { mean, deviation } = GreyImage.settings
    const pixels = Float32Array.from(data, (x) => x * deviation + mean)
    pixels[300] = pixels[300]! > 0.5 ? pixels[300]! - 1 / 255 : pixels[300]! + 1 / 255
    yield* fs.writeFile(file, yield* Effect.promise(() => GreyImage.encodePng(pixels, Mnist.SIDE)))
  }),
  "one label": index((rows) =>
    rows.map((row, i) => (i === ofTrain(rows) ? { ...row, label: (row.label + 1) % 10 } : row))
  ),
  "a dropped row": index((rows) => rows.toSpliced(ofTrain(rows), 1)),
  "a reordered split": index((rows) => {
    const at = ofTrain(rows)
    return rows.with(at, rows[at + 1]!).with(at + 1, rows[at]!)
  })
} as const

/** The media changes. */
export const mediaChanges = Object.keys(media) as ReadonlyArray<keyof typeof media>

/** A store in which what the media stage makes is changed, or a stage says that it has another version. */
export const layerStore = (what: { readonly media?: string; readonly version?: string }) =>
  Layer.effect(
    ArtifactStore,
    Effect.gen(function* () {
      const store = yield* ArtifactStore
      const change = media[what.media as keyof typeof media] as (typeof media)["one label"] | undefined
      return ArtifactStore.of({
        ...store,
        getOrMake: (work: Work, make) =>
          store.getOrMake({ ...work, version: work.version + (work.stage === what.version ? 1 : 0) }, (scratch) =>
            Effect.tap(make(scratch), () =>
              work.stage === "media" && change !== undefined ? Effect.orDie(change(scratch) as never) : Effect.void
            )
          ) as never
      })
    })
  )

/** A change in a step of the trainings with mixup. */
export interface InStep {
  readonly kind: "ulp" | "mixup"
  /** The number of the epoch in its training, from 1. */
  readonly epoch: number
  /** From 1. */
  readonly step: number
}

/** The next float32 above. */
const above = (x: number): number => {
  const bits = new Int32Array(Float32Array.of(x).buffer)
  bits[0] = bits[0]! + (x < 0 ? -1 : 1)
  return new Float32Array(bits.buffer)[0]!
}

/** The heads' trainer, in this process, with a change in one step. */
export const layerTrainer = (change: InStep | null) =>
  HeadTrainer.layerInterpreter.pipe(
    Layer.provide(
      Layer.effect(
        Interpreter,
        Effect.gen(function* () {
          const it = yield* Interpreter
          // Trainings run side by side, each in a lane of its own.
          const epochs = new WeakMap<object, number>()
          const epochOf = (lane: object): number => {
            const epoch = (epochs.get(lane) ?? 0) + 1
            epochs.set(lane, epoch)
            return epoch
          }
          return Interpreter.of({
            ...it,
            block: Effect.fnUntraced(function* (step: Method.Step, input, lane) {
              const { steps } = input.draws
              // A probe takes one step, and only IGM mixes samples up.
              const isSubject = lane !== undefined && steps > 1 && input.draws.values["lambda"] !== undefined
              if (change === null || !isSubject || epochOf(lane) !== change.epoch) {
                return yield* it.block(step, input, lane)
              }
              if (change.kind === "mixup") {
                const lambda = Tensor.toFloat64(input.draws.values["lambda"]!)
                const data = Float64Array.from(lambda.data)
                data[change.step - 1] = 1 - data[change.step - 1]!
                const values = { ...input.draws.values, lambda: Tensor.float64(lambda.shape, data) }
                return yield* it.block(step, { ...input, draws: { steps, values } }, lane)
              }
              const first = yield* it.block(step, { ...input, draws: Draws.part(input.draws, 0, change.step) }, lane)
              const data = Float64Array.from(first.state["W1"]!.data)
              data[0] = above(data[0]!)
              const state = { ...first.state, W1: Tensor.float64(first.state["W1"]!.shape, data) }
              const prints = StepFingerprints.fingerprints(state, it.info.precision)
              const rest = yield* it.block(step, { ...input, state, draws: Draws.part(input.draws, change.step) }, lane)
              const join = (a: Readonly<Record<string, Float64Array>>, b: typeof a) =>
                Object.fromEntries(
                  Object.entries(a).map(([name, numbers]) => [name, Float64Array.of(...numbers, ...b[name]!)])
                )
              const joined = first.fingerprints === undefined ? {} : join(first.fingerprints, rest.fingerprints!)
              for (const [name, numbers] of Object.entries(joined)) numbers[change.step - 1] = prints[name]!
              return {
                state: rest.state,
                trace: join(first.trace, rest.trace),
                ...(first.fingerprints === undefined ? {} : { fingerprints: joined })
              }
            })
          })
        })
      ).pipe(Layer.provide(OnnxProgram.layer), Layer.provide(OnnxRuntime.layerCpu))
    )
  )
