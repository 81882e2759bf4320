import { assert, describe, it } from "@effect/vitest"
import { Keyed } from "@igm/tensor"
import { Schema } from "effect"
import { EndsEarly, Malformed } from "../../src/weights/Malformed.ts"
import * as Pickle from "../../src/weights/Pickle.ts"
import { type Value, is } from "../../src/weights/PickleValue.ts"
import * as Names from "../../src/weights/TorchNames.ts"
import * as TorchState from "../../src/weights/TorchState.ts"
import * as P from "./Pickled.ts"
import * as TorchWriter from "./TorchWriter.ts"

const parse = (bytes: Uint8Array) => Pickle.parse(bytes, 0, Names.allowed)
const saved = TorchWriter.storage({ dtype: "float32", count: 4, bytes: new Uint8Array(16) }, 0, false)
const many = (length: number, byte: number): P.Bytes => Array.from({ length }, () => byte)
const value = (bytes: P.Bytes) => parse(P.pickle(bytes)).value

describe("Pickle", () => {
  it("records what a pickle would call, and calls nothing", () => {
    const call = value([...P.global("torch", "Size"), ...P.tuple(P.tuple(P.int(2), P.int(-3))), ...P.reduce])
    assert.deepStrictEqual(call, { _tag: "Call", callee: "torch.Size", args: [[2, -3]], entries: new Map() })
    assert.deepStrictEqual(value(P.long(0x1950a86a20f9469cfc6cn, 10)), 0x1950a86a20f9469cfc6cn)
    assert.deepStrictEqual(value(P.long(-2n, 1)), -2)
    assert.deepStrictEqual(value([0x8a, 0]), 0)
    const dict = value(P.dict([P.str("ä"), P.list(P.none, P.bool(true))]))
    const list: Value = { _tag: "List", items: [null, true] }
    assert.deepStrictEqual(dict, { _tag: "Dict", entries: new Map<Value, Value>([["ä", list]]) })
  })

  it("refuses every name that is not on its list, however it is asked for, and says which", () => {
    const asked = [
      P.pickle([...P.global("os", "system"), ...P.tuple(P.str("touch /tmp/owned")), ...P.reduce]),
      P.pickle([...P.str("os"), ...P.str("system"), 0x93, ...P.tuple(P.str("touch /tmp/owned")), ...P.reduce])
    ]
    for (const bytes of asked) assert.throws(() => parse(bytes), /asks for os\.system, .* nothing of it was run/)
    for (const [module, name] of [
      ["builtins", "eval"],
      ["__builtin__", "getattr"],
      ["torch.storage", "_load_from_bytes"],
      ["torch", "load"],
      ["torch.Size", ""],
      ["torchvision.models.resnet", "ResNet"]
    ] as const) {
      assert.throws(() => value(P.global(module, name)), `asks for ${module}.${name},`)
    }
    assert.throws(() => value([...P.int(1), ...P.tuple(), ...P.reduce]), "no function is called, at byte 9")
  })

  it("refuses operations that it does not know, with code and place", () => {
    for (const code of [..."ISVFLPio2gpld"].map((letter) => letter.charCodeAt(0))) {
      const problem = `operation 0x${code.toString(16)} is not known here, at byte 2`
      assert.throws(() => parse(Uint8Array.from([0x80, 2, code, 0x2e])), problem)
    }
    for (const code of [0x82, 0x83, 0x84, 0x92, 0x97, 0x98, 0xff, 0x00]) {
      assert.throws(() => parse(Uint8Array.from([0x80, 2, code, 0x2e])), /is not known here, at byte 2/)
    }
    for (const version of [0, 1, 6])
      assert.throws(() => parse(Uint8Array.from([0x80, version, 0x4e, 0x2e])), "protocols")
  })

  it("takes no more memory than its bytes are worth, whatever lengths they claim", () => {
    const huge = P.little(2n ** 62n, 8)
    for (const bytes of [
      [0x8d, ...huge],
      [0x8e, ...huge],
      [0x96, ...huge],
      [0x95, ...huge],
      [0x58, 255, 255, 255, 255],
      [0x54, 255, 255, 255, 255],
      [0x63, 0x61]
    ]) {
      assert.throws(() => parse(Uint8Array.from([...P.proto(4), ...bytes])), EndsEarly)
    }
    assert.throws(() => parse(Uint8Array.from([...P.proto(4), 0x8b, 255, 255, 255, 127])), "has 2147483647 bytes")
    assert.throws(() => parse(P.pickle([...P.proto(), 0x72, 255, 255, 255, 255])), Malformed)
    const dicts = P.pickle(many(1_000_001, 0x7d))
    assert.throws(() => parse(dicts), "more than 1000000 operations")
    assert.throws(() => parse(P.pickle(many(1000, 0x63))), "more than 256 bytes")
  })

  it("follows neither a dict into itself nor a tower of dicts that doubles at each floor", () => {
    const itself = P.dict([P.str("a"), P.none])
    const cycle = value([0x7d, ...P.put(0), ...P.str("a"), ...P.get(0), 0x73])
    assert.isTrue(is(cycle, "Dict") && cycle.entries.get("a") === cycle)
    assert.throws(() => TorchState.tensorsOf(cycle), "dicts lie in dicts to a depth of more than 32")
    const floors = Array.from({ length: 30 }, (_, i) =>
      P.dict([P.str("a"), P.get(i)], [P.str("b"), P.get(i)]).concat(P.put(i + 1))
    )
    const tower = value([...P.tuple([...itself, ...P.put(0)], ...floors), ...P.pop, ...P.get(30)])
    assert.throws(() => TorchState.tensorsOf(tower), "there are no tensors in it")
    const weight = TorchWriter.tensor(saved, { offset: 0, shape: [4], strides: [1] })
    const held = [...P.dict([P.str("w"), weight]), ...P.put(0)]
    const doubling = value([...P.tuple(held, ...floors), ...P.pop, ...P.get(30)])
    assert.throws(() => TorchState.tensorsOf(doubling), "there are more than 100000 tensors")
    const three = value([...P.tuple(held, ...floors.slice(0, 3)), ...P.pop, ...P.get(3)])
    assert.lengthOf([...TorchState.tensorsOf(three).keys()], 8)
    const named = P.dict([P.str("x".repeat(501)), weight])
    assert.throws(() => TorchState.tensorsOf(value(named)), `${"x".repeat(60)}…: this name has more than 500 letters`)
  })

  it("tells of a name, or a version, that is no text without writing it out: it may be as long as 2⁴⁰ commas", () => {
    const floors = Array.from({ length: 40 }, (_, i) => [...P.get(i), ...P.get(i), 0x86, ...P.put(i + 1)])
    const tree = [0x29, ...P.put(0), ...floors.flat()]
    assert.throws(() => value([...tree, ...P.str("x"), 0x93]), /by what is no name, at byte \d+ of the pickle$/)
    assert.throws(() => value([...P.str("x"), ...tree, 0x93]), /by what is no name/)
    assert.throws(() => value([...P.int(1), ...P.int(2), 0x93]), /by what is no name/)
    assert.throws(() => value([...P.str("o\x1b[2Js"), ...P.str("sy\nstem"), 0x93]), "asks for o?[2Js.sy?stem,")
  })

  it("does not repeat a few numbers until they fill the memory, in one tensor or in many", () => {
    const repeated = TorchWriter.tensor(saved, { offset: 0, shape: [2 ** 21], strides: [0] })
    const named = (count: number) =>
      value(P.dict(...Array.from({ length: count }, (_, i) => [P.str(`w${i}`), repeated] as const)))
    assert.lengthOf([...TorchState.tensorsOf(named(2)).keys()], 2)
    assert.throws(() => TorchState.tensorsOf(named(3)), "w2: tensors repeat the elements of their storages too often")
  })

  it.prop("any bytes are read or refused, and nothing else happens", { seed: Schema.Int }, ({ seed }) => {
    const stream = Keyed.stream(["soup", seed])
    // Mostly operations that work on what is there, so that a pickle goes some way before it is refused.
    const usual = [
      ...P.str("ab"),
      ...P.int(7),
      0x28,
      0x29,
      0x5d,
      0x7d,
      0x74,
      0x75,
      0x65,
      0x61,
      0x73,
      0x85,
      0x86,
      0x94,
      0x52
    ]
    const bytes = Uint8Array.from({ length: 200 }, () =>
      Keyed.below(stream, 8) === 0 ? Keyed.below(stream, 256) : usual[Keyed.below(stream, usual.length)]!
    )
    try {
      parse(Uint8Array.from([...P.proto(), ...bytes]))
    } catch (cause) {
      if (!(cause instanceof Malformed)) throw cause
    }
  })
})
