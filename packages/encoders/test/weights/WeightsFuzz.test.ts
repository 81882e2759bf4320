/**
 * Weight files that were changed at random: 200 here, as many as the variable `FUZZ` says otherwise, from the seed that
 * `FUZZ_SEED` says (`FUZZ=2000 npx vitest run packages/encoders/test/WeightsFuzz.test.ts`).
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Keyed, Safetensors, Tensor } from "@igm/tensor"
import { Effect, FileSystem } from "effect"
import * as Pickle from "../../src/weights/Pickle.ts"
import * as TorchNames from "../../src/weights/TorchNames.ts"
import { golden, readAll, written } from "./Files.ts"
import { type Mutant, mutate, mutatePickle } from "./Mutation.ts"
import * as P from "./Pickled.ts"
import * as TorchWriter from "./TorchWriter.ts"
import { zip } from "./ZipWriter.ts"

const COUNT = Number(process.env["FUZZ"] ?? 200)
const SEED = Number(process.env["FUZZ_SEED"] ?? 6)
const MAX_SECONDS = 5
const MAX_MEMORY = 400 * 2 ** 20

type Tensors = Effect.Success<ReturnType<typeof readAll>>

/** A file to change, and what must hold of a changed one that can still be read. */
interface Subject {
  readonly name: string
  readonly change: (stream: Keyed.Stream) => Mutant
  readonly holds: (mutant: Mutant, read: Tensors) => void
}

const shapes = (tensors: Tensors) => new Map([...tensors].map(([name, { shape }]) => [name, shape]))

const resizes = ({ kind }: Mutant): boolean => kind === "cut" || kind === "insert" || kind === "remove"

/** An archive's checksums cover every tensor: what is read is right. */
const archive = Effect.fnUntraced(function* (name: string) {
  const bytes = yield* (yield* FileSystem.FileSystem).readFile(golden(name))
  const right = yield* readAll(golden(name))
  const subject: Subject = {
    name,
    change: (stream) => mutate(bytes, stream),
    holds: (mutant, read) => {
      assert.notStrictEqual(mutant.kind, "cut")
      assert.deepStrictEqual(read, right)
    }
  }
  return subject
})

/** Where the pickles of a file in the older format end. */
const pickled = (bytes: Uint8Array): number => {
  let end = 0
  for (let i = 0; i < 5; i++) end = Pickle.parse(bytes, end, TorchNames.allowed).end
  return end
}

const headed = (bytes: Uint8Array): number => 8 + Safetensors.headerLength(bytes.subarray(0, 8), bytes.length)

/** Without checksums, a change behind the header may change numbers, but no name, no shape, and no size of the file. */
const plain = (name: string, payload: (bytes: Uint8Array) => number) =>
  Effect.gen(function* () {
    const bytes = yield* (yield* FileSystem.FileSystem).readFile(golden(name))
    const right = shapes(yield* readAll(golden(name)))
    const start = payload(bytes)
    const subject: Subject = {
      name,
      change: (stream) => mutate(bytes, stream),
      holds: (mutant, read) => {
        assert.notStrictEqual(mutant.kind, "cut")
        if (mutant.first < start && payload !== headed) return
        assert.isFalse(resizes(mutant), "a file of another size is read")
        if (mutant.first >= start) assert.deepStrictEqual(shapes(read), right)
      }
    }
    return subject
  })

/** Storages that are each filled with a number of their own, and views of them. */
const state: TorchWriter.State = {
  storages: [6, 7, 4, 1].map((count, i) => ({
    dtype: "float32",
    count,
    bytes: Tensor.bytes(Tensor.float32([count], new Float32Array(count).fill(i + 1)))
  })),
  views: [
    { name: "a", storage: 0, offset: 0, shape: [2, 3], strides: [3, 1], isParameter: false },
    { name: "b.weight", storage: 1, offset: 0, shape: [3, 2], strides: [1, 3], isParameter: true },
    { name: "b.bias", storage: 1, offset: 1, shape: [3], strides: [2], isParameter: false },
    { name: "c", storage: 2, offset: 0, shape: [4], strides: [1], isParameter: false },
    { name: "d", storage: 3, offset: 0, shape: [], strides: [], isParameter: false }
  ]
}

/** A changed pickle in an intact file: nothing says what is right, but a tensor must lie in one of the file's storages. */
const repickled = (name: string, isLegacy: boolean): Subject => {
  const pickle = P.pickle(TorchWriter.dict(state, isLegacy))
  const around = (bytes: Uint8Array) =>
    isLegacy
      ? TorchWriter.legacy([...bytes.subarray(2, -1)], state.storages)
      : zip(TorchWriter.members(bytes, state.storages))
  return {
    name,
    change: (stream) => {
      const mutant = (Keyed.below(stream, 3) === 0 ? mutate : mutatePickle)(pickle, stream)
      return { ...mutant, bytes: around(mutant.bytes) }
    },
    holds: (_, read) => {
      for (const { shape, data } of read.values()) {
        assert.strictEqual(data.length, Tensor.sizeOf(shape))
        assert.include([0, 1, 2, 3, 4], data[0] ?? 0)
        assert.isTrue(data.every((x) => x === data[0]))
      }
    }
  }
}

describe("Weights", () => {
  it.effect(
    `of ${COUNT} files that were changed at random none breaks the reader, and none is read as what it is not`,
    () =>
      Effect.gen(function* () {
        const subjects = [
          yield* archive("zip.pth"),
          yield* archive("protocol4.pth"),
          yield* archive("checkpoint.pth"),
          yield* plain("legacy.pth", pickled),
          yield* plain("checkpoint-legacy.pth", pickled),
          yield* plain("weights.safetensors", headed),
          repickled("a pickle in an archive", false),
          repickled("a pickle in an older file", true)
        ]
        const memory = process.memoryUsage().rss
        const tally = new Map(subjects.map(({ name }) => [name, { read: 0, refused: 0 }]))
        for (let i = 0; i < COUNT; i++) {
          const subject = subjects[i % subjects.length]!
          const mutant = subject.change(Keyed.stream(["fuzz", SEED, i]))
          const label = `seed ${SEED}, file ${i} (${subject.name}, ${mutant.kind} at byte ${mutant.first})`
          const start = performance.now()
          // Whatever is not an EncoderError is a defect here, and fails the test.
          const result = yield* Effect.result(Effect.flatMap(written(mutant.bytes), readAll).pipe(Effect.scoped))
          assert.isBelow((performance.now() - start) / 1000, MAX_SECONDS, label)
          if (result._tag === "Success") {
            tally.get(subject.name)!.read++
            try {
              subject.holds(mutant, result.success)
            } catch (cause) {
              throw new Error(label, { cause })
            }
          } else {
            tally.get(subject.name)!.refused++
            assert.strictEqual(result.failure._tag, "EncoderError", label)
            assert.isUndefined((result.failure as { readonly cause?: unknown }).cause, label)
          }
        }
        assert.isBelow(process.memoryUsage().rss - memory, MAX_MEMORY)
        if (process.env["FUZZ"] !== undefined) console.log(Object.fromEntries(tally))
        const total = (of: "read" | "refused") => [...tally.values()].reduce((sum, counts) => sum + counts[of], 0)
        assert.isAbove(total("read"), COUNT / 20)
        assert.isAbove(total("refused"), COUNT / 2)
      }).pipe(Effect.provide(NodeServices.layer)),
    60_000 + 20 * COUNT
  )
})
