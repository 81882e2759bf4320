/**
 * Encoding samples as a pipeline: they are decoded some at a time, wait in bounded number, go into batches, are encoded in a
 * thread of its own, and are kept in chunks. The next samples are decoded while a batch is encoded.
 */
import { Progress } from "@igm/io"
import { Digest, Memory, Tensor } from "@igm/tensor"
import { Clock, Effect, Scope, Semaphore, Stream } from "effect"
import { availableParallelism } from "node:os"
import * as BatchFeatures from "./BatchFeatures.ts"
import * as Batches from "./Batches.ts"
import * as Encoder from "../Encoder.ts"
import { EncoderError } from "../EncoderError.ts"
import { EncoderRuntime } from "../EncoderRuntime.ts"
import * as Ports from "../graphs/Port.ts"
import type * as Rows from "./Rows.ts"
import type * as PartialFeatures from "./PartialFeatures.ts"

/**
 * Amounts of work that are done at a time; no choice changes the features, but for `batch` on other devices than the
 * processor.
 */
export interface Options {
  /** Samples that are encoded at a time; by default 32 on the processor, fewer of large ones, and what fits on a device. */
  readonly batch?: number
  /** Samples that are decoded at a time; one for each processor by default, and at least four. */
  readonly decoders?: number
  /** Samples that are decoded and wait for the encoder, at most; two batches by default, eight where sizes are free. */
  readonly ahead?: number
  /** Threads of the encoder on the processor; by default one for each of its cores. */
  readonly threads?: number
  /** Samples of a chunk that is kept; a chunk is kept after five seconds too. 512 by default. */
  readonly chunk?: number
  /**
   * The answer to a batch that there is not enough memory for: on the processor encoding fails by default, and on a
   * device it is halved, and so are those that come. That is told as a warning.
   */
  readonly onOutOfMemory?: "fail" | "halve"
}

/** A request for features: the encoder, and the samples. */
export interface Request<E, R> extends Options {
  readonly encoder: Encoder.Encoder
  /** The name of this work for a person. */
  readonly label: string
  /** Everything that samples' tensors depend on besides their content: the preprocessing in all parameters. */
  readonly preprocessing: Digest.Json
  /** The digest of each sample's content, in the order of the features. */
  readonly samples: ReadonlyArray<Digest.Digest>
  /** The tensors of sample i, which are read as long as its scope is open and no longer: their memory can be used again. */
  readonly load: (i: number) => Effect.Effect<Encoder.Tensors, E, R | Scope.Scope>
  /** Free sizes are filled up with zeros to a multiple of this, for encoders that are told where samples end (a mask). */
  readonly multiple?: number
}

const DECODERS = Math.max(4, availableParallelism())
const CHUNK = 512
/** Milliseconds after which what there is of a chunk is kept. */
const PERIOD = 5000
/** Batches that are on their way at a time: one is encoded, and the next is ready. */
const BATCHES = 2

/** Encodes the samples that no row is known of; gives where all rows lie. */
export const missing = Effect.fn("Encoding.missing")(function* <E, R>(
  request: Request<E, R> & { readonly batch: number },
  place: PartialFeatures.Place,
  known: Rows.Index,
  tell: (samples: number, seconds: number) => Effect.Effect<void>
) {
  const { encoder, samples, batch, chunk = CHUNK, multiple = 1 } = request
  const index = new Map(known)
  const wanted = new Map<Digest.Digest, number>()
  samples.forEach((sample, i) => {
    if (!index.has(sample) && !wanted.has(sample)) wanted.set(sample, i)
  })
  if (wanted.size === 0) return index
  const advance = yield* (yield* Progress).bar(request.label, samples.length)
  yield* advance(samples.length - wanted.size)
  const { threads = availableParallelism() } = request
  const opened = yield* Encoder.open(encoder, { threads, apart: true })
  const { inputs } = opened
  const isFree = Object.values(inputs).some(({ shape }) => shape.some((size) => typeof size === "string"))
  const ahead = Math.max(request.ahead ?? (isFree ? 8 : 2) * batch, (isFree ? 2 : 1) * batch)
  const permits = yield* Semaphore.make(ahead)
  const { file } = encoder
  const { provider } = (yield* EncoderRuntime).info
  const { onOutOfMemory = provider === "cpu" ? "fail" : "halve" } = request
  const features = BatchFeatures.make(opened, { file, multiple, onOutOfMemory })
  const whole = yield* Effect.scope

  const load = Effect.fnUntraced(function* (at: number) {
    yield* permits.take(1)
    const scope = yield* Scope.fork(whole)
    yield* Scope.addFinalizer(scope, permits.release(1))
    const tensors = Encoder.named(inputs, yield* Scope.provide(request.load(at), scope))
    const problem = Ports.misfit(inputs, tensors)
    if (problem === undefined) return { at, tensors, scope } satisfies BatchFeatures.Loaded
    const sample = `sample ${at} (${Digest.short(samples[at]!)})`
    return yield* new EncoderError({
      path: encoder.file,
      problem: `${encoder.name} cannot encode ${sample}: ${problem}`
    })
  })

  const memory = Memory.pool()
  /** The samples of a batch, and their rows in memory that is used again: what a stream hands on may outlive its use. */
  const gathered = (items: ReadonlyArray<Batches.Item>, parts: ReadonlyArray<Float32Array>) => {
    const count = items.length * encoder.width
    const own = new Float32Array(memory.take(4 * count), 0, count)
    let offset = 0
    for (const part of parts) {
      own.set(part, offset)
      offset += part.length
    }
    return { done: items.map(({ at }) => samples[at]!), own }
  }

  /** Rows that are not kept yet, and the samples that they are of. */
  const rows = new Float32Array(Math.min(chunk + batch, wanted.size) * encoder.width)
  let [since, waiting]: [number, Array<Digest.Digest>] = [yield* Clock.currentTimeMillis, []]
  const keep = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const shape = [waiting.length, encoder.width]
    const kept = yield* place.keep(waiting, Tensor.float32(shape, rows.subarray(0, Tensor.sizeOf(shape))))
    for (const [sample, row] of kept) index.set(sample, row)
    yield* tell(waiting.length, (now - since) / 1000)
    ;[since, waiting] = [now, []]
  })
  const isDue = Effect.map(Clock.currentTimeMillis, (now) => waiting.length >= chunk || now - since >= PERIOD)
  const collector = Batches.collector<BatchFeatures.Loaded>(inputs, batch, isFree ? ahead - batch : Infinity, multiple)

  yield* Stream.fromIterable(wanted.values()).pipe(
    Stream.mapEffect(load, { concurrency: request.decoders ?? DECODERS }),
    Stream.buffer({ capacity: ahead }),
    Stream.mapAccum(
      () => collector,
      (_, item) => [collector, collector.add(item)],
      { onHalt: () => collector.rest() }
    ),
    Stream.mapEffect((items) => Effect.map(features(items), (parts) => gathered(items, parts)), {
      concurrency: BATCHES
    }),
    Stream.runForEach(({ done, own }) =>
      Effect.gen(function* () {
        rows.set(own, waiting.length * encoder.width)
        memory.give(own.buffer)
        waiting.push(...done)
        yield* advance(done.length)
        if (yield* isDue) yield* keep
      })
    )
  )
  if (waiting.length > 0) yield* keep
  return index
}, Effect.scoped)
