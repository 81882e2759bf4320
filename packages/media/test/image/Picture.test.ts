import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Keyed, Safetensors } from "@igm/tensor"
import { Effect, FileSystem, Path } from "effect"
import { readFileSync } from "node:fs"
import { deflateSync, crc32 } from "node:zlib"
import { casesOf, deviations } from "../parity/images.ts"
import { Picture } from "../../src/index.ts"

const golden = casesOf(Safetensors.decode(readFileSync(new URL("../golden/images.safetensors", import.meta.url))))
const fileOf = (name: string) => golden.find((of) => of.name === name)!.tensor("file")!.data as Uint8Array

/** The header of a PNG that claims a size, and one row of its pixels. */
const claimingPng = (width: number, height: number): Uint8Array => {
  const chunk = (kind: string, body: Uint8Array) => {
    const out = Buffer.alloc(12 + body.length)
    out.writeUInt32BE(body.length)
    out.write(kind, 4, "latin1")
    out.set(body, 8)
    out.writeUInt32BE(crc32(out.subarray(4, 8 + body.length)), 8 + body.length)
    return out
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width)
  header.writeUInt32BE(height, 4)
  header.set([8, 2], 8)
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10)
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", deflateSync(Buffer.alloc(100)))])
}

const problemOf = (bytes: Uint8Array, options?: Picture.Options) =>
  Picture.decode("a.jpg", bytes, options).pipe(
    Effect.flip,
    Effect.map((error) => `${error._tag} ${error.message}`)
  )

describe("Picture", () => {
  for (const of of golden) {
    it.effect(`${of.name}: has PIL's pixels, also after resize and crop`, () =>
      Effect.gen(function* () {
        const { pixels, transforms } = yield* deviations(of)
        assert.strictEqual(pixels, 0)
        assert.deepStrictEqual(
          transforms,
          transforms.map(() => 0)
        )
      })
    )
  }

  it.effect("what is not an image is an error that names the file, whatever its name", () =>
    Effect.gen(function* () {
      const not = "MediaError a.jpg: this is not a JPEG, PNG, WebP, GIF or TIFF image"
      assert.strictEqual(yield* problemOf(new TextEncoder().encode("only words, no pixels")), not)
      assert.strictEqual(yield* problemOf(new Uint8Array()), "MediaError a.jpg: this file is empty")
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const missing = path.join(yield* fs.makeTempDirectoryScoped(), "none.png")
      assert.strictEqual((yield* Effect.flip(Picture.read(missing))).message, `${missing}: this image cannot be read`)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a file cut off anywhere is an error, unless all of its pixels are there", () =>
    Effect.gen(function* () {
      let errors = 0
      for (const { name } of golden) {
        const file = fileOf(name)
        const whole = yield* Picture.decode(name, file)
        for (let length = 1; length < file.length; length += Math.ceil(file.length / 17)) {
          const result = yield* Effect.result(Picture.decode("a.jpg", file.subarray(0, length)))
          if (result._tag === "Success") assert.deepStrictEqual(result.success, whole)
          else {
            assert.match(result.failure.message, /^a\.jpg: this (is not a JPEG|\w+ image is truncated or damaged)/)
            errors++
          }
        }
      }
      assert.isAbove(errors, 850)
    })
  )

  it.effect("an image that claims to be enormous is refused before it is unpacked", () =>
    Effect.gen(function* () {
      const problem = "MediaError a.jpg: this PNG image has more than 178956970 pixels"
      assert.strictEqual(yield* problemOf(claimingPng(100_000, 100_000)), problem)
      const small = "MediaError a.jpg: this GIF image has more than 100 pixels"
      assert.strictEqual(yield* problemOf(fileOf("gif-part.gif"), { limit: 100 }), small)
    })
  )

  it.effect("a damaged file is a picture of its size or a typed error", () =>
    Effect.gen(function* () {
      const outcomes = { Picture: 0, MediaError: 0 }
      for (const { name } of golden) {
        for (let n = 0; n < 4; n++) {
          const stream = Keyed.stream(["damage", name, n])
          const file = Uint8Array.from(fileOf(name))
          for (let k = 0; k <= n; k++) file[Keyed.below(stream, file.length)] = Keyed.below(stream, 256)
          // A changed size may be large, and is then another test's concern.
          const result = yield* Effect.result(Picture.decode(name, file, { limit: 1_000_000 }))
          if (result._tag === "Failure") {
            assert.strictEqual(result.failure._tag, "MediaError")
            outcomes.MediaError++
          } else {
            const { width, height, channels, data } = result.success
            assert.strictEqual(data.length, width * height * channels)
            outcomes.Picture++
          }
        }
      }
      assert.isAbove(Math.min(outcomes.Picture, outcomes.MediaError), 20)
    })
  )
})
