/**
 * The stage that trains heads: of one method, with one seed, on features. Its artifact holds the heads, what happened in
 * each epoch, and the traces of every step. A training that was stopped goes on from its run's last checkpoint.
 */
import type { Features, Method, Ops } from "@igm/gradient"
import { type Artifact, AtomicFile, IoError, type Progress } from "@igm/io"
import { Digest, Safetensors, Tensor } from "@igm/tensor"
import { HeadTrainer, Weights } from "@igm/training"
import { Effect, Path, Schema, Stream } from "effect"
import * as Checkpoint from "./Checkpoint.ts"
import * as Events from "./Events.ts"
import { Run } from "./Run.ts"
import * as Stage from "./Stage.ts"

/** Raised when a change of the code changes what a training makes, so that older artifacts are not taken for it. */
export const VERSION = 6

/** The name of the stage. */
export const STAGE = "training"

/** The files of a training's artifact. */
export const files = { events: "events.jsonl", heads: "heads.safetensors", steps: "steps.safetensors" }

/** The heads of one method and seed, with what happened. */
export interface Trained {
  readonly weights: Ops.Named<Method.HostTensor>
  readonly events: ReadonlyArray<Events.Event>
  readonly artifact: Artifact
}

const Digests = Schema.Struct({ labels: Schema.String, features: Schema.String })

const Input = Schema.Struct({
  method: Schema.Json,
  seed: Schema.Int,
  train: Digests,
  select: Digests,
  trace: Schema.optionalKey(Schema.Literal("step"))
})

const Output = Schema.Struct({ epochs: Schema.Int, weights: Schema.String })

type Read = Features.Features<"train" | "valid", Features.Dims>

/** The digests of features; those of a data set are asked for by every training on it. */
const digestsOf = (features: Read): typeof Digests.Type => {
  const known = digests.get(features)
  if (known !== undefined) return known
  const found = {
    labels: Digest.ofTensor(Tensor.int32([features.labels.length], features.labels)),
    features: Digest.ofTensors(features.modalities)
  }
  digests.set(features, found)
  return found
}

const digests = new WeakMap<Read, typeof Digests.Type>()

/** The name of a step trace: of which epoch (from 1), and of what. */
export const traceName = (epoch: number, of: string): string => `${epoch}/${of}`

/** What the state's tensors at the end of a method's stage are called among the traces, where steps are traced. */
export const STATE = "state/"

/** Checkpoints come at the ends of a method's stages, and otherwise at most once in so many milliseconds. */
const EVERY = 1000

type Advance = Effect.Success<ReturnType<Progress["Service"]["bar"]>>

/** The stage of one training, called by a name. `advance` is called after each epoch. */
const stage = (name: string, method: Method.Method<Features.Dims>, job: Method.Job<Features.Dims>, advance: Advance) =>
  Stage.make({
    name: STAGE,
    version: VERSION,
    input: Input,
    output: Output,
    body: Effect.fnUntraced(function* (input, { folder, digest }) {
      const path = yield* Path.Path
      const run = yield* Run
      const trainer = yield* HeadTrainer
      const begun = yield* run.kept(digest, (bytes) => Checkpoint.decode(digest, bytes))
      const events: Array<Events.Event> = [...(begun?.events ?? [])]
      const traces: Record<string, Tensor.Tensor> = { ...begun?.traces }
      let weights: Ops.Named<Method.HostTensor> = {}
      let [phase, saved] = [begun?.cursor.phase, performance.now()]
      yield* advance(events.filter(({ kind }) => kind === "epoch").length)
      const recordState = (epoch: number, state: Method.Cursor["state"]) => {
        if (input.trace !== "step") return
        for (const [of, tensor] of Object.entries(Weights.stored(state))) traces[traceName(epoch, STATE + of)] = tensor
      }
      const from = begun === undefined ? {} : { from: begun.cursor }
      yield* trainer.train(method, job, { ...from, trace: input.trace ?? "epoch" }).pipe(
        Stream.runForEach((event) =>
          Effect.gen(function* () {
            switch (event.kind) {
              case "epoch": {
                const { steps, ...epoch } = event
                const next = Events.chained(epoch, Events.chainOf(events))
                events.push(next)
                const { loss, weights } = epoch
                yield* run.tell({ kind: "epoch", name, digest, epoch: epoch.epoch, loss, weights })
                for (const [of, numbers] of Object.entries({ loss: steps.losses, ...steps.fingerprints })) {
                  traces[traceName(epoch.epoch, of)] = Tensor.float64([numbers.length], numbers)
                }
                return yield* advance(1)
              }
              case "checkpoint": {
                if (!event.cursor.entered) recordState(event.cursor.epoch, event.cursor.state)
                const now = performance.now()
                if (event.cursor.phase === phase && now - saved < EVERY) return
                ;[phase, saved] = [event.cursor.phase, now]
                return yield* run.keep(digest, Checkpoint.encode(digest, { cursor: event.cursor, events, traces }))
              }
              case "trained":
                weights = event.weights
                recordState(method.epochs, event.state)
                return
              default:
                events.push(event)
            }
          })
        )
      )
      const put = (file: string, content: string | Uint8Array) => AtomicFile.write(path.join(folder, file), content)
      yield* put(files.events, Events.encode(events))
      yield* put(files.steps, Safetensors.encode(traces))
      yield* put(files.heads, Safetensors.encode(Weights.stored(weights)))
      return { epochs: method.epochs, weights: Digest.ofTensors(Weights.stored(weights)) }
    })
  })

/** What the training of a method with a seed is called. */
export const nameOf = ({ name }: Pick<Method.Method<Features.Dims>, "name">, seed: number): string =>
  `train ${name}, seed ${seed}`

/** Trains heads unless the same training is stored. */
export const train = Effect.fn("Training.train")(function* (
  method: Method.Method<Features.Dims>,
  job: Method.Job<Features.Dims>,
  advance: Advance
) {
  const run = yield* Run
  const { engine, device, versions } = (yield* HeadTrainer).about
  const name = nameOf(method, job.seed)
  const input = {
    method: method.settings as Schema.Json,
    seed: job.seed,
    train: digestsOf(job.train),
    select: digestsOf(job.select),
    ...(run.trace === "step" ? { trace: run.trace } : {})
  }
  const on = { engine, device, versions }
  const { artifact } = yield* Stage.run(stage(name, method, job, advance), input, { name, on })
  yield* run.drop(artifact.digest)
  if (artifact.reused) yield* advance(method.epochs)
  const trained: Trained = { ...(yield* read(artifact.folder)), artifact }
  return trained
})

/** What a training's artifact holds. */
export const read = Effect.fn("Training.read")(function* (folder: string) {
  const path = yield* Path.Path
  const file = (name: string) => path.join(folder, name)
  const damaged = (name: string) => (cause: unknown) =>
    new IoError({ path: file(name), problem: "this file is damaged", cause })
  const tensorsOf = (name: string) =>
    AtomicFile.read(file(name)).pipe(
      Effect.flatMap((bytes) => Effect.try({ try: () => Safetensors.decode(bytes).tensors, catch: damaged(name) }))
    )
  const text = new TextDecoder().decode(yield* AtomicFile.read(file(files.events)))
  const events = yield* Events.decode(Events.lines(text)).pipe(Effect.mapError(damaged(files.events)))
  const heads = yield* tensorsOf(files.heads)
  const weights = Object.fromEntries(Object.entries(heads).map(([name, w]) => [name, Tensor.toFloat64(w)]))
  return { weights, events, steps: yield* tensorsOf(files.steps) }
})
