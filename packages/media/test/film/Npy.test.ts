import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { golden, named } from "../media.ts"
import { Npy } from "../../src/index.ts"

const file = golden("npy/<f4").data as Uint8Array

/** A file of another header. */
const headed = (header: string): Uint8Array => {
  const text = `${header.padEnd(117)}\n`
  return Buffer.concat([
    Buffer.from("\x93NUMPY\x01\x00", "latin1"),
    Uint8Array.of(118, 0),
    Buffer.from(text),
    Buffer.alloc(24)
  ])
}

describe("Npy", () => {
  it("has NumPy's shape and numbers, of every type", () => {
    assert.strictEqual(named("npy").length, 8)
    for (const type of named("npy")) {
      const { shape, data } = Npy.decode(golden(`npy/${type}`).data as Uint8Array)
      assert.deepStrictEqual(shape, [2, 3])
      assert.deepStrictEqual(Array.from(data), Array.from(golden(`numbers/${type}`).data, Number), type)
    }
  })

  it("what is cut off anywhere is an error and never a shorter array", () => {
    for (let length = 0; length < file.length; length++) {
      assert.throws(() => Npy.decode(file.subarray(0, length)), /truncated|not a \.npy|not understood/)
    }
    assert.throws(() => Npy.decode(Buffer.concat([file, Uint8Array.of(1)])), "it has 25 bytes of numbers, not 24")
  })

  it("objects, columns first, other types and broken headers are refused, in words", () => {
    const of = (descr: string, fortran = "False", shape = "(2, 3)") =>
      headed(`{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }`)
    assert.deepStrictEqual(Npy.decode(of("<f4", "False", "(6,)")).shape, [6])
    assert.deepStrictEqual(Npy.decode(of("<f8", "False", "(3,)")).data, new Float32Array(3))
    assert.throws(() => Npy.decode(of("|O")), "numbers of type |O are not read")
    assert.throws(() => Npy.decode(of(">f4")), "numbers of type >f4 are not read")
    assert.throws(() => Npy.decode(of("<f4", "True")), "it has columns first")
    assert.throws(() => Npy.decode(of("<f4", "False", "(-2, 3)")), "its header is not understood")
    assert.throws(() => Npy.decode(of("<f4", "False", "(99999999999, 99999999999)")), "truncated")
    assert.throws(() => Npy.decode(headed("import os")), "its header is not understood: import os")
  })

  it.effect("a file that is missing is an error that names it", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* fs.makeTempDirectoryScoped()}/a.npy`
      assert.strictEqual((yield* Effect.flip(Npy.read(path))).message, `${path}: this array cannot be read`)
      yield* fs.writeFile(path, file.subarray(0, 100))
      assert.strictEqual((yield* Effect.flip(Npy.read(path))).message, `${path}: truncated: its header is not whole`)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
