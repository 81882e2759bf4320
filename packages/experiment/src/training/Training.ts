/**
 * The stage that trains the heads of one method with one seed on features. Its artifact holds the heads, the events of
 * each epoch, and the traces of every step. An interrupted training resumes from its run's last checkpoint.
 */
import type { Features, Method, Ops } from "@igm/gradient"
import { type Artifact, AtomicFile, IoError, type Progress } from "@igm/io"
import { Digest, Safetensors, Tensor } from "@igm/tensor"
import { HeadTrainer, type TrainingEvent, Weights } from "@igm/training"
import { Context, Effect, Path, Schema, Stream } from "effect"
import * as Checkpoint from "./Checkpoint.ts"
import { Checkpoints } from "../stage/Checkpoints.ts"
import * as Events from "./Events.ts"
import type { FeatureSet } from "../features/FeatureSet.ts"
import { Run } from "../run/Run.ts"
import * as Stage from "../stage/Stage.ts"
import { StageFolder } from "../stage/StageFolder.ts"

/**
 * The version of the stage, to be raised when a change of the code changes a training's results, so that older
 * artifacts are not reused.
 */
export const VERSION = 8

/** The name of the stage. */
export const STAGE = "training"

/** The files of a training's artifact. */
export const files = { events: "events.jsonl", heads: "heads.safetensors", steps: "steps.safetensors" }

/** The trained heads of one method and seed, with the events of their training. */
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

/** The training split, and the split that selects the epoch. */
export interface Data<D extends Features.Dims> {
  readonly train: FeatureSet<"train", D>
  readonly valid: FeatureSet<"valid", D>
}

/** A training: a method, a seed and data. */
export interface Task<D extends Features.Dims> {
  readonly method: Method.Method<D>
  readonly seed: number
  readonly data: Data<D>
}

/** The job that a trainer is given. */
export const jobOf = <D extends Features.Dims>({ seed, data }: Task<D>): Method.Job<D> => ({
  seed,
  train: data.train,
  select: data.valid
})

/** A callback on every training that a program requests, with its name: a replay uses it to repeat a step of one. */
export const Witness = Context.Reference<(name: string, task: Task<Features.Dims>) => void>(
  "@igm/experiment/Training/Witness",
  { defaultValue: () => () => {} }
)

const digestsOf = ({
  ref: { labels, features }
}: FeatureSet<"train" | "valid", Features.Dims>): typeof Digests.Type => ({
  labels,
  features
})

/** The name of a step trace: the epoch (from 1) and the traced quantity. */
export const traceName = (epoch: number, of: string): string => `${epoch}/${of}`

/** The prefix of the traces that hold the state's tensors at the end of a method's turn, if steps are traced. */
export const STATE = "state/"

/**
 * The minimal time in milliseconds between checkpoints within a turn; there is always one at the end of a method's
 * turn.
 */
const EVERY = 1000

/** The errors of a training. */
export type TrainerError = Stream.Error<ReturnType<HeadTrainer["Service"]["train"]>>

/** The events of a training, from a cursor or from its beginning; `begun` is its checkpoint, if it has been read. */
export interface Source {
  readonly begun?: Checkpoint.Checkpoint
  readonly events: (
    from: Method.Cursor | undefined,
    trace: "epoch" | "step"
  ) => Stream.Stream<TrainingEvent, TrainerError>
}

type Advance = Effect.Success<ReturnType<Progress["Service"]["bar"]>>

/**
 * The context of a training's body that is not part of its input: the training's name, the source of its events, and
 * the progress bar, which advances by epochs.
 */
interface Given {
  readonly name: string
  readonly epochs: number
  readonly source: Source
  readonly advance: Advance
}

/** The stage of one training. */
const stageOf = ({ name, epochs, source, advance }: Given) =>
  Stage.make(STAGE, {
    version: VERSION,
    input: Input,
    output: Output,
    run: Effect.fnUntraced(function* (input) {
      const path = yield* Path.Path
      const run = yield* Run
      const { folder } = yield* StageFolder
      const { work: digest, keep, kept } = yield* Checkpoints
      const begun = source.begun ?? (yield* kept((bytes) => Checkpoint.decode(digest, bytes)))
      const events: Array<Events.Event> = [...(begun?.events ?? [])]
      const traces: Record<string, Tensor.Tensor> = { ...begun?.traces }
      let weights: Ops.Named<Method.HostTensor> = {}
      let [phase, saved] = [begun?.cursor.phase, performance.now()]
      yield* advance(events.filter(({ kind }) => kind === "epoch").length)
      const recordState = (epoch: number, state: Method.Cursor["state"]) => {
        if (input.trace !== "step") return
        for (const [of, tensor] of Object.entries(Weights.stored(state))) traces[traceName(epoch, STATE + of)] = tensor
      }
      yield* source.events(begun?.cursor, input.trace ?? "epoch").pipe(
        Stream.runForEach((event) =>
          Effect.gen(function* () {
            switch (event.kind) {
              case "epoch": {
                const { steps, ...epoch } = event
                const next = Events.chained(epoch, Events.chainOf(events))
                events.push(next)
                const { loss, weights } = epoch
                yield* run.tell({ kind: "progress", name, digest, done: epoch.epoch, facts: { loss, weights } })
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
                return yield* keep(Checkpoint.encode(digest, { cursor: event.cursor, events, traces }))
              }
              case "trained":
                weights = event.weights
                recordState(epochs, event.state)
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
      return { epochs, weights: Digest.ofTensors(Weights.stored(weights)) }
    })
  })

/** The display name of the training of a method with a seed. */
export const nameOf = ({ name }: Pick<Method.Method<Features.Dims>, "name">, seed: number): string =>
  `train ${name}, seed ${seed}`

/** A planned training, not yet requested. */
export interface Planned {
  readonly task: Task<Features.Dims>
  readonly name: string
  /** The digest of the work. */
  readonly digest: Digest.Digest
  /** Trains heads with the events of a source, unless the same training is stored. */
  readonly run: (
    source: Source,
    advance: Advance
  ) => Effect.Effect<Trained, TrainerError | IoError, Stage.Environment | HeadTrainer>
}

/** Plans a training. */
export const plan = Effect.fn("Training.plan")(function* <D extends Features.Dims>(given: Task<D>) {
  // The widths have been checked against each other; from here on they are numbers.
  const task = given as unknown as Task<Features.Dims>
  const { method, seed, data } = task
  const { trace } = yield* Run
  const { engine, device, versions } = (yield* HeadTrainer).info
  const name = nameOf(method, seed)
  const input = {
    method: method.settings as Schema.Json,
    seed,
    train: digestsOf(data.train),
    select: digestsOf(data.valid),
    ...(trace === "step" ? { trace } : {})
  }
  const options = { name, on: { engine, device, versions } }
  const { epochs } = method
  const stage = (source: Source, advance: Advance) => stageOf({ name, epochs, source, advance })
  const planned: Planned = {
    task,
    name,
    digest: stage({ events: () => Stream.empty }, () => Effect.void).digest(input, options),
    run: Effect.fn("Training.run")(function* (source, advance) {
      const witness = yield* Witness
      witness(name, task)
      const { artifact } = yield* stage(source, advance).stored(input, options)
      if (artifact.reused) yield* advance(epochs)
      const trained: Trained = { ...(yield* read(artifact.folder)), artifact }
      return trained
    })
  }
  return planned
})

/** The source of a training that runs by itself. */
export const alone = Effect.fnUntraced(function* ({ task }: Planned) {
  const trainer = yield* HeadTrainer
  const source: Source = {
    events: (from, trace) => trainer.train(task.method, jobOf(task), { ...(from === undefined ? {} : { from }), trace })
  }
  return source
})

/** Reads a training's artifact: its weights, events and step traces. */
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
