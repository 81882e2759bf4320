/** What a user of checkpoints relies on: they give back to the bit where a training stood, and nothing else is taken for one. */
import { assert, describe, it } from "@effect/vitest"
import {
  Baselines,
  type Features,
  GradientBlending,
  Head,
  Igm,
  type Method,
  Mla,
  ReconBoost,
  Ring,
  Selection
} from "@igm/gradient"
import { OnnxRuntime } from "@igm/onnx"
import { Digest, Keyed, Safetensors, Tensor } from "@igm/tensor"
import { HeadTrainer, type TrainingEvent } from "@igm/training"
import { Effect, Layer, Schema, Stream } from "effect"
import { Checkpoint, Events } from "../../src/index.ts"

type Widths = { readonly audio: 8; readonly image: 8 }

const CLASSES = 3

const features = <S extends "train" | "valid">(split: S, count: number): Features.Features<S, Widths> => {
  const stream = Keyed.stream(["checkpoints", split])
  const labels = Int32Array.from({ length: count }, () => Keyed.below(stream, CLASSES))
  const modality = (width: number) =>
    Tensor.float32(
      [count, width],
      Array.from({ length: count * width }, (_, i) =>
        Math.max(0, Keyed.normal(stream) + (i % width === labels[Math.floor(i / width)] ? 1 : 0))
      )
    )
  const ids = Array.from(labels, (_, i) => `${split}-${i}`)
  const modalities = { audio: modality(8), image: modality(8) }
  return { split, widths: { audio: 8, image: 8 }, classes: CLASSES, ids, labels, modalities }
}

const job: Method.Job<Widths> = { seed: 3, train: features("train", 40), select: features("valid", 20) }

const options = {
  heads: { audio: Head.make(8, 6, CLASSES), image: Head.make(8, 6, CLASSES) },
  ring: Ring.make(["audio", "image"], { rounds: 2, epochs: { audio: 2, image: 2 } }),
  selection: Selection.best("accuracy"),
  batch: 10,
  rho: 1e-3
}

const methods: ReadonlyArray<Method.Method<Widths>> = [
  Igm.paper(options),
  Igm.code({ ...options, switches: { moment: "accumulated" } }),
  Mla.make({ ...options, head: options.heads.audio }),
  ReconBoost.make(options),
  GradientBlending.make(options, { probeEpochs: 1 }),
  Baselines.jointHead(options)
]

const onnx = HeadTrainer.layerOnnx.pipe(Layer.provide(OnnxRuntime.layerCpu))

const train = (method: Method.Method<Widths>, from?: Method.Cursor) =>
  HeadTrainer.use((trainer) =>
    Stream.runCollect(trainer.train(method, job, { trace: "step", ...(from === undefined ? {} : { from }) }))
  )

/** What a run writes down of a training: its events with their chain, the traces, and the heads. */
const record = (told: ReadonlyArray<TrainingEvent>, begun?: Checkpoint.Checkpoint) => {
  const events: Array<Events.Event> = [...(begun?.events ?? [])]
  const traces: Record<string, Tensor.Tensor> = { ...begun?.traces }
  const checkpoints: Array<Checkpoint.Checkpoint> = []
  let weights: Record<string, Tensor.Tensor> = {}
  for (const event of told) {
    if (event.kind === "epoch") {
      const { steps, ...epoch } = event
      events.push(Events.chained(epoch, Events.chainOf(events)))
      traces[`${epoch.epoch}/loss`] = Tensor.float64([steps.losses.length], steps.losses)
    } else if (event.kind === "checkpoint") {
      checkpoints.push({ cursor: event.cursor, events: [...events], traces: { ...traces } })
    } else if (event.kind === "trained") weights = event.weights
    else events.push(event)
  }
  return { end: { events: Events.encode(events), traces, weights }, checkpoints }
}

const WORK = Digest.ofJson("a training")

/** The checkpoint in a file of this training. */
const taken = (file: Uint8Array, work = WORK): Checkpoint.Checkpoint => {
  const found = Checkpoint.decode(work, file)
  return "checkpoint" in found ? found.checkpoint : assert.fail(found.problem)
}

const problem = (file: Uint8Array, work = WORK): string => {
  const found = Checkpoint.decode(work, file)
  return "problem" in found ? found.problem : assert.fail("it was taken")
}

/** Fails unless tensors are shared in one value where they are in the other. */
const sharedAlike = (a: unknown, b: unknown, met = new Map<unknown, unknown>()): void => {
  if (typeof a !== "object" || a === null) return
  if (Tensor.isTensor(a)) {
    if (met.has(a)) assert.strictEqual(b, met.get(a), "a tensor is no longer shared")
    else assert.notInclude([...met.values()], b, "a tensor is shared that was not")
    met.set(a, b)
  } else for (const key of Object.keys(a)) sharedAlike(a[key as never], b![key as never], met)
}

const same = (found: Checkpoint.Checkpoint, given: Checkpoint.Checkpoint) => {
  assert.deepStrictEqual(found.cursor, given.cursor)
  sharedAlike(given.cursor, found.cursor)
  assert.strictEqual(Events.encode(found.events), Events.encode(given.events))
  assert.deepStrictEqual(found.traces, given.traces)
}

/** Tensors of a few numbers, of which a cursor takes some by their places. */
const Pool = Schema.Array(
  Schema.Struct({
    dtype: Schema.Literals(["float64", "float32", "int32"]),
    data: Schema.Array(Schema.Number).check(Schema.isMaxLength(4))
  })
).check(Schema.isMinLength(1), Schema.isMaxLength(4))

const tensorOf = { float64: Tensor.float64, float32: Tensor.float32, int32: Tensor.int32 }

const Place = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 }))
const Leaf = Schema.Union([
  Schema.Null,
  Schema.Boolean,
  Schema.String,
  Schema.Number,
  Schema.Literal(-0),
  Schema.TaggedStruct("Tensor", { place: Place })
])
const Key = Schema.Union([Schema.String, Schema.Literals(["tensor", "number", "fields", "__proto__", "constructor"])])
const nested = <S extends Schema.Codec<unknown, unknown>>(item: S) =>
  Schema.Union([
    Leaf,
    Schema.TaggedStruct("List", { of: Schema.Array(item).check(Schema.isMaxLength(3)) }),
    Schema.TaggedStruct("Fields", { of: Schema.Array(Schema.Tuple([Key, item])).check(Schema.isMaxLength(3)) })
  ])

type Tree =
  | typeof Leaf.Type
  | { readonly _tag: "List"; readonly of: ReadonlyArray<Tree> }
  | { readonly _tag: "Fields"; readonly of: ReadonlyArray<readonly [string, Tree]> }

const plant = (tree: Tree, pool: ReadonlyArray<Tensor.Tensor>): unknown => {
  if (typeof tree !== "object" || tree === null) return tree
  switch (tree._tag) {
    case "Tensor":
      return pool[tree.place % pool.length]
    case "List":
      return tree.of.map((item) => plant(item, pool))
    case "Fields":
      return Object.fromEntries(tree.of.map(([key, item]) => [key, plant(item, pool)]))
  }
}

const Memo = Schema.Array(Schema.Tuple([Key, nested(nested(nested(Leaf)))])).check(Schema.isMaxLength(4))

describe("A checkpoint", () => {
  it.prop(
    "gives back the cursor that it was made of: every bit, and which tensors are shared",
    {
      numbers: Pool,
      memo: Memo,
      state: Schema.Array(Schema.Tuple([Key, Place])).check(Schema.isMaxLength(4)),
      rest: Schema.Struct({ phase: Schema.String, entered: Schema.Boolean, epoch: Schema.Int }),
      events: Schema.Array(Events.Event).check(Schema.isMaxLength(3))
    },
    ({ numbers, memo, state, rest, events }) => {
      const pool = numbers.map(({ dtype, data }) => tensorOf[dtype]([data.length], data))
      const of = (place: number) => pool[place % pool.length]!
      const cursor = {
        ...rest,
        state: Object.fromEntries(state.map(([key, place]) => [key, of(place)])),
        memo: plant({ _tag: "Fields", of: memo }, pool)
      } as Method.Cursor
      const given = { cursor, events, traces: Object.fromEntries(state.map(([key, place]) => [key, of(place)])) }
      const file = Checkpoint.encode(WORK, given)
      same(taken(file), given)
      assert.deepStrictEqual(Checkpoint.encode(WORK, taken(file)), file)
    },
    { arbitrary: { runs: 200 } }
  )

  const small: Checkpoint.Checkpoint = {
    cursor: {
      phase: "0: audio",
      entered: true,
      epoch: 1,
      state: { "audio.W1": Tensor.float64([1, 2], [0.1, -0]) },
      memo: { best: null, score: Number.NEGATIVE_INFINITY, history: [1, 2] }
    },
    events: [{ kind: "note", turn: 0, head: "audio", note: "a note" }],
    traces: { "1/loss": Tensor.float64([2], [1, 0.5]) }
  }
  const file = Checkpoint.encode(WORK, small)

  it("with a damaged byte is not taken, wherever it is, nor one that was cut or has more", () => {
    for (let at = 0; at < file.length; at++) {
      const bytes = [...Array.from({ length: 8 }, (_, bit) => file[at]! ^ (1 << bit)), 0x09, 0x20, 0x0a, 0xff]
      for (const byte of bytes) {
        if (byte === file[at]) continue
        assert.isNotEmpty(problem(file.with(at, byte)), `byte ${at} is ${byte}`)
      }
      assert.isNotEmpty(problem(file.slice(0, at)), `cut at ${at}`)
    }
    assert.isNotEmpty(problem(Uint8Array.of(...file, 0)))
    same(taken(file), small)
  })

  it("of another training, of a newer format, or that is none, is refused with the reason", () => {
    assert.strictEqual(problem(file, Digest.ofJson("another")), "it belongs to another training")
    const { tensors, metadata } = Safetensors.decode(file)
    const newer = Safetensors.encode(tensors, { ...metadata, format: "2" })
    assert.strictEqual(problem(newer), "it has format 2, not 1")
    assert.strictEqual(problem(Safetensors.encode(tensors)), "it has format undefined, not 1")
    const edited = Safetensors.encode({ ...tensors, 0: Tensor.float64([1, 2], [0.1, 0]) }, metadata)
    assert.strictEqual(problem(edited), "its digest is not that of its content")
    assert.include(problem(new Uint8Array(0)), "0 bytes are too few")
  })

  for (const method of methods) {
    it.effect(`of ${method.name}, from whichever epoch, leads to the bits of a training that was not stopped`, () =>
      Effect.gen(function* () {
        const { end, checkpoints } = record(yield* train(method))
        assert.strictEqual(checkpoints.length, method.epochs - 1)
        for (const checkpoint of checkpoints) {
          const begun = taken(Checkpoint.encode(WORK, checkpoint))
          same(begun, checkpoint)
          const resumed = record(yield* train(method, begun.cursor), begun)
          assert.deepStrictEqual(resumed.end, end)
        }
      }).pipe(Effect.provide(onnx))
    )
  }
})
