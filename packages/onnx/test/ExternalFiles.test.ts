import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { ModelFile } from "../src/index.ts"

const varint = (value: number): Array<number> =>
  value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(Math.floor(value / 0x80))]

/** A field of a protobuf message: a number, or else a text or messages one after another. */
const field = (number: number, ...parts: ReadonlyArray<number | string | Uint8Array>): Uint8Array => {
  const [first] = parts
  if (typeof first === "number") return Uint8Array.from([...varint(8 * number), ...varint(first)])
  const body = Buffer.concat(parts.map((part) => Buffer.from(part as string)))
  return Buffer.concat([Uint8Array.from([...varint(8 * number + 2), ...varint(body.length)]), body])
}

const external = (bytes: Uint8Array): ReadonlyArray<string> =>
  ModelFile.declared((start, length) => bytes.subarray(start, start + length), bytes.length).external

const problem = (bytes: Uint8Array): string => {
  try {
    return `taken, with ${external(bytes).join(", ")}`
  } catch (error) {
    return (error as Error).message
  }
}

const entry = (key: string, value: string) => field(13, field(1, key), field(2, value))

/** The bytes of a tensor that lies in a file. */
const tensor = (location: string): ReadonlyArray<Uint8Array> => [
  field(1, 4),
  field(2, 1),
  field(8, "w"),
  entry("location", location),
  entry("offset", "0"),
  field(14, 1)
]

/** A step from a message to one in it, by onnx.proto: the field, whether it may repeat, and what the message is. */
type Step = readonly [field: number, repeats: boolean, to: string]

/** All steps on which a tensor can be reached. */
const steps: { readonly [message: string]: ReadonlyArray<Step> } = {
  ModelProto: [
    [7, false, "GraphProto"],
    [20, true, "TrainingInfoProto"],
    [25, true, "FunctionProto"]
  ],
  TrainingInfoProto: [
    [1, false, "GraphProto"],
    [2, false, "GraphProto"]
  ],
  FunctionProto: [
    [7, true, "NodeProto"],
    [11, true, "AttributeProto"]
  ],
  GraphProto: [
    [1, true, "NodeProto"],
    [5, true, "TensorProto"],
    [15, true, "SparseTensorProto"]
  ],
  NodeProto: [[5, true, "AttributeProto"]],
  AttributeProto: [
    [5, false, "TensorProto"],
    [6, false, "GraphProto"],
    [10, true, "TensorProto"],
    [11, true, "GraphProto"],
    [22, false, "SparseTensorProto"],
    [23, true, "SparseTensorProto"]
  ],
  SparseTensorProto: [
    [1, false, "TensorProto"],
    [2, false, "TensorProto"]
  ]
}

/** A way from a model to a tensor, by choices; it takes the shortest from there when they run out. */
const way = (choices: ReadonlyArray<number>): ReadonlyArray<Step> => {
  const found: Array<Step> = []
  let [at, left] = ["ModelProto", choices]
  while (at !== "TensorProto") {
    const possible = steps[at]!
    const straight = possible.find(([, , to]) => to === "TensorProto") ?? possible[0]!
    const step = left.length === 0 ? straight : possible[left[0]! % possible.length]!
    left = left.slice(1)
    found.push(step)
    at = step[2]
  }
  return found
}

/** The parts of a model with a tensor at the end of a way; at one step of it, the message may be there once more. */
const parts = (
  [step, ...rest]: ReadonlyArray<Step>,
  location: string,
  again?: { readonly at: number; readonly location: string }
): ReadonlyArray<Uint8Array> => {
  if (step === undefined) return tensor(location)
  const deeper = again === undefined || again.at === 0 ? undefined : { ...again, at: again.at - 1 }
  const one = field(step[0], ...parts(rest, location, deeper))
  return again?.at === 0 ? [one, field(step[0], ...parts(rest, again.location))] : [one]
}

/** A model of those parts, with a graph where they have none. */
const model = (given: ReadonlyArray<Uint8Array>, first: Step): Uint8Array =>
  Buffer.concat([field(1, 8), ...(first[0] === 7 ? [] : [field(7, field(2, "g"))]), ...given])

const Choices = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 11 }))).check(
  Schema.isMaxLength(12)
)

describe("ExternalFiles", () => {
  it.prop(
    "are found wherever onnx.proto lets a tensor be, and a message that is there twice is found twice or refused",
    [Arbitrary.schema(Schema.Struct({ choices: Choices, at: Schema.Int }))],
    ([{ choices, at }]) => {
      const steps = way(choices)
      assert.deepStrictEqual(external(model(parts(steps, "a.bin"), steps[0]!)), ["a.bin"])
      const index = Math.abs(at) % steps.length
      const twice = model(parts(steps, "a.bin", { at: index, location: "b.bin" }), steps[0]!)
      const repeats = steps[index]![1]
      if (repeats) assert.deepStrictEqual(external(twice), ["a.bin", "b.bin"])
      else assert.match(problem(twice), /^its weights cannot be pinned: the field \d+ at byte \d+, .+ is there twice$/)
    },
    { arbitrary: { runs: 300 } }
  )

  it("are told apart from what a runtime could read in another way", () => {
    const graph = (...given: ReadonlyArray<Uint8Array>) => Buffer.concat([field(1, 8), field(7, field(5, ...given))])
    const cases: ReadonlyArray<readonly [Uint8Array, string | RegExp]> = [
      [graph(...tensor("a"), entry("location", "b")), /two entries "location"$/],
      [graph(field(13, field(1, "x"), field(1, "location"), field(2, "a"))), /the field 1 at byte \d+, of the entry/],
      [graph(field(13, field(1, "location"), field(2, "a"), field(2, "b"))), /the field 2 at byte \d+, of the entry/],
      [graph(field(13, field(1, "location"))), /has no key or no value$/],
      [graph(entry("offset", "0")), /lies in a file that has no name$/],
      [graph(field(13, 7)), /the field 13 .+ should be a message$/],
      [graph(field(99, "later")), /the field 99 at byte \d+, of the tensor at byte \d+, is none that is known here$/],
      [Buffer.concat([graph(), field(27, "later")]), /the field 27 .+, of the model at byte 0, is none/],
      [graph(...tensor("a\0b")), 'its weights lie in "a\\u0000b", which is not the name of a file'],
      [graph(...tensor("")), 'its weights lie in "", which is not the name of a file'],
      [graph(...tensor("*/_ORT_MEM_ADDR_/*")), /which is not the name of a file$/],
      [graph(entry("location", "a").subarray(0, -1), Uint8Array.of(0xff)), /is not UTF-8$/],
      ...["../a", "/a", "a/../../b", "C:a", "a\\b", ".."].map(
        (part) =>
          [graph(...tensor(part)), `its weights lie in ${part}, which is not in the folder of the model`] as const
      ),
      [graph(...tensor("..a/b..c")), "taken, with ..a/b..c"],
      [graph(...tensor("__proto__")), "taken, with __proto__"],
      [Buffer.concat([Buffer.from([4, 0, 0, 0]), Buffer.from("ORTM")]), /it is in onnxruntime's own format/]
    ]
    for (const [bytes, expected] of cases) {
      if (typeof expected === "string") assert.strictEqual(problem(bytes), expected)
      else assert.match(problem(bytes), expected)
    }
  })

  it("names an initializer that is sparse as what it is, and no input", () => {
    const port = field(11, field(1, "w"))
    const bytes = field(7, field(15, field(1, ...tensor("a")), field(2, field(8, "indices"))), port)
    const { inputs, external } = ModelFile.declared((from, n) => bytes.subarray(from, from + n), bytes.length)
    assert.deepStrictEqual([inputs, external], [[], ["a"]])
  })
})
