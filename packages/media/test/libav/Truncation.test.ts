import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Schema, Stream } from "effect"
import { environment } from "../environment.ts"
import { golden, named, tone } from "../media.ts"
import { Film, MediaFile, Sound } from "../../src/index.ts"
import { extentOf } from "../../src/libav/Truncation.ts"

const TEXT = new TextEncoder()

/** What systems and people leave after a file's end: nothing but zeros, notes, and anything. */
const Junk = Schema.Union([
  Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5000 })),
  Schema.String.check(Schema.isPattern(/^[a-z ]{1,200}$/)),
  Schema.Literals(["\n", "TAG", "LYRICSBEGIN", "APETAGEX"])
])

const bytesOf = (junk: typeof Junk.Type): Uint8Array => {
  if (typeof junk === "number") return new Uint8Array(junk)
  return junk === "TAG" ? Uint8Array.from([...TEXT.encode(junk), ...new Uint8Array(125)]) : TEXT.encode(junk)
}

const folder = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

/** The film and the sound of files, each as it is read under a name with letters that mean something to FFmpeg. */
const read = Effect.fnUntraced(function* (name: string, file: Uint8Array) {
  const fs = yield* FileSystem.FileSystem
  const path = `${yield* folder}/a, b,,: ${name}`
  yield* fs.writeFile(path, file)
  if (name in films)
    return yield* Effect.map(Stream.runCollect(Film.frames(path)), (all) => all.map(({ data }) => data))
  return [(yield* Sound.read(path)).samples]
}, Effect.scoped)

const films = Object.fromEntries(named("film").map((name) => [name, golden(`film/${name}`).data as Uint8Array]))
const sounds = Object.fromEntries(named("sound").map((name) => [name, golden(`sound/${name}`).data as Uint8Array]))

/** Boxes of MP4 of some length. */
const boxes = (...names: ReadonlyArray<string>): Buffer =>
  Buffer.concat(names.map((name, i) => Buffer.from([0, 0, 0, 20 + i, ...TEXT.encode(name), ...new Uint8Array(12 + i)])))

layer(environment, { excludeTestServices: true })("where a file ends", (it) => {
  it.effect("an MP4 in parts ends with the last whole part, and is cut off where a part is not whole", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* folder}/a`
      const parts = boxes("ftyp", "moov", "moof", "mdat", "moof", "mdat")
      const end = Effect.fnUntraced(function* (...bytes: ReadonlyArray<Uint8Array>) {
        yield* fs.writeFile(path, Buffer.concat(bytes))
        const extent = extentOf(path)
        return typeof extent === "string" ? extent.replace(/:.*/, "") : extent.end
      })
      for (const junk of ["", "\n", "abc", "12345", "\0\0\0\0", "\0".repeat(40), "trailing text", "x".repeat(500)]) {
        assert.strictEqual(yield* end(parts, TEXT.encode(junk)), parts.length)
      }
      // Nothing is missing of what holds nothing.
      assert.strictEqual(yield* end(parts, boxes("free").subarray(0, 10)), parts.length + 10)
      for (let cut = parts.length - 24; cut < parts.length; cut++) {
        assert.strictEqual(yield* end(parts.subarray(0, cut)), "truncated")
      }
    })
  )

  for (const [name, file] of Object.entries({ ...films, ...sounds })) {
    it.effect.prop(
      `${name}: what follows its end changes nothing`,
      { junk: Junk },
      ({ junk }) =>
        Effect.gen(function* () {
          const found = yield* read(name, Buffer.concat([file, bytesOf(junk)]))
          assert.deepStrictEqual(found, yield* read(name, file))
        }),
      { arbitrary: { runs: 4 } }
    )
  }

  it.effect("of compressed sound in MP4 and Opus as well", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* folder
      for (const name of ["a.m4a", "a.ogg"]) {
        const sound = { rate: 48_000, channels: [tone(9000, 0.1)], ...(name === "a.ogg" ? { codec: "libopus" } : {}) }
        yield* MediaFile.write(`${path}/${name}`, { sound })
        const file = yield* fs.readFile(`${path}/${name}`)
        for (const junk of ["abc", "12345", "\n"]) {
          const found = yield* read(name, Buffer.concat([file, TEXT.encode(junk)]))
          assert.deepStrictEqual(found, yield* read(name, file))
        }
        yield* fs.writeFile(`${path}/${name}`, file.subarray(0, -20))
        assert.match((yield* Effect.flip(Sound.read(`${path}/${name}`))).message, /: truncated/)
      }
    })
  )

  it.effect("an AVI whose length is wrong, left open or without an index is whole; one that lacks frames is not", () =>
    Effect.gen(function* () {
      const file = films["mpeg4.avi"]!
      const view = new DataView(file.buffer, file.byteOffset)
      const length = view.getUint32(4, true)
      const said = (value: number, bytes = file) => {
        const copy = Uint8Array.from(bytes)
        new DataView(copy.buffer).setUint32(4, value, true)
        return copy
      }
      const at = (name: string) => Buffer.from(file).indexOf(name)
      const withoutIndex = file.subarray(0, at("idx1"))
      const open = said(0, withoutIndex)
      new DataView(open.buffer).setUint32(at("movi") - 4, 0, true)
      const whole = yield* read("mpeg4.avi", file)
      const same = [
        ...[1, 8, -1, -8, -300].map((off) => said(length + off)),
        ...[0, 0xffff_ffff, 0x7fff_ffff, 0x7fff_f000].map((value) => said(value)),
        said(withoutIndex.length - 8, withoutIndex),
        open,
        Buffer.concat([said(0), TEXT.encode("junk after the end")])
      ]
      for (const bytes of same) assert.deepStrictEqual(yield* read("mpeg4.avi", bytes), whole)
      for (const bytes of [
        withoutIndex,
        file.subarray(0, -100),
        said(0, withoutIndex.subarray(0, -50)),
        open.subarray(0, -50)
      ]) {
        assert.match((yield* Effect.flip(read("mpeg4.avi", bytes))).message, /: truncated/)
      }
    })
  )

  it.effect("an MP3 whose note counts notes of other kinds is whole; one without a note ends with its last frame", () =>
    Effect.gen(function* () {
      const file = Uint8Array.from(sounds["a.mp3"]!)
      const whole = yield* read("a.mp3", file)
      const note = Math.max(Buffer.from(file).indexOf("Xing"), Buffer.from(file).indexOf("Info"))
      const view = new DataView(file.buffer)
      view.setUint32(note + 12, view.getUint32(note + 12) + 128)
      assert.deepStrictEqual(yield* read("a.mp3", file), whole)
      for (const bytes of [file.subarray(0, -30), file.subarray(0, -400)]) {
        assert.match((yield* Effect.flip(read("a.mp3", bytes))).message, /: truncated/)
      }
    })
  )
})
