import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { crc32, deflateSync, gzipSync } from "node:zlib"
import { environment } from "../environment.ts"
import { ImageInput, Picture, SamplePreview, GreyImage, type MediaDecoder } from "../../src/index.ts"

const SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9" fill="red"/></svg>'
const UTF16 = (text: string) => Buffer.concat([Uint8Array.of(0xff, 0xfe), Buffer.from(text, "utf16le")])

/** What is no picture of dots, by what it is. */
const OTHERS: { readonly [what: string]: ReadonlyArray<string | Uint8Array> } = {
  " is an SVG drawing, and": [
    SVG,
    `\uFEFF${SVG}`,
    ` \n\t${SVG}`,
    `<?xml version="1.0" encoding="UTF-8"?>\n<!-- made by hand -->\n${SVG}`,
    `<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">${SVG}`,
    `<!DOCTYPE svg [<!ENTITY a "b">]>${SVG}`,
    `<!--${" ".repeat(1500)}-->${SVG}`,
    SVG.replaceAll("svg", "s:svg")
  ],
  " is a file packed by gzip, and": [gzipSync(SVG)],
  " is a PDF document, and": ["%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj", "\n%PDF-1.7\n"],
  " is an HTML page, and": ["<!DOCTYPE html><html><body>404</body></html>", "<html><head></head></html>"],
  " is an XML document, and": ['<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'],
  " is a BMP image, and": [Buffer.concat([Buffer.from("BM"), new Uint8Array(60)])],
  " is an AppleDouble file of a Mac, and": [Uint8Array.of(0, 5, 0x16, 7, 0, 2, 0, 0)],
  " is not": [
    UTF16(SVG),
    "only words",
    "P6 1 1 255 abc",
    "#?RADIANCE\n",
    new Uint8Array(64),
    "SIMPLE  =                    T"
  ]
}

/** A TIFF that says where neither its strips nor its tiles are, for which the library would look without end. */
const nowhere = (): Uint8Array => {
  const entries = Object.entries({ 256: 11, 257: 7, 258: 8, 262: 1, 277: 1, 322: 16, 323: 16, 325: 256 })
  const file = Buffer.alloc(300 + 12 * entries.length)
  file.write("II\x2a\0", "latin1")
  file.writeUInt32LE(8, 4)
  file.writeUInt16LE(entries.length, 8)
  entries.forEach(([tag, value], i) => {
    const at = 10 + 12 * i
    file.writeUInt16LE(Number(tag), at)
    file.writeUInt16LE(4, at + 2)
    file.writeUInt32LE(1, at + 4)
    file.writeUInt32LE(value, at + 8)
  })
  return file
}

/** The header of a PNG that claims a size, and some of its pixels. */
const claiming = (width: number, height: number): Uint8Array => {
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
  header.set([1, 0], 8)
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10)
  const rows = chunk("IDAT", deflateSync(Buffer.alloc(1000)))
  return Buffer.concat([signature, chunk("IHDR", header), rows, chunk("IEND", new Uint8Array())])
}

/** All that opens a picture, by a name. */
const READERS: {
  readonly [name: string]: (path: string) => Effect.Effect<unknown, unknown, FileSystem.FileSystem | MediaDecoder>
} = {
  Picture: (path) => Picture.read(path),
  oriented: (path) => Picture.read(path, { orient: true }),
  ImageInput: (path) => ImageInput.clip.load({ path }),
  GreyImage: (path) => GreyImage.preprocess.load({ path }),
  SamplePreview: (path) => SamplePreview.of({ path }, GreyImage.preprocess)
}

/** The error of each reader of a file that is named as a picture. */
const messages = Effect.fnUntraced(function* (file: string | Uint8Array) {
  const fs = yield* FileSystem.FileSystem
  const path = `${yield* fs.makeTempDirectoryScoped()}/a.png`
  yield* fs.writeFile(path, typeof file === "string" ? new TextEncoder().encode(file) : file)
  const found: Array<readonly [string, string]> = []
  for (const [name, read] of Object.entries(READERS)) {
    const error = (yield* Effect.flip(read(path))) as Error
    found.push([name, error.message.replace(path, "PATH")])
  }
  return found
})

describe("Raster", () => {
  for (const [what, files] of Object.entries(OTHERS)) {
    it.effect(`what${what} a picture of dots is an error that says so, whatever its name`, () =>
      Effect.gen(function* () {
        const expected = `PATH: this${what}${what === " is not" ? "" : " not"} a JPEG, PNG, WebP, GIF or TIFF image`
        for (const file of files) {
          for (const [name, message] of yield* messages(file)) assert.strictEqual(message, expected, `${name}: ${file}`)
        }
      }).pipe(Effect.provide(environment))
    )
  }

  it.effect("a few bytes that claim to be 3.6 billion pixels are refused before any is made", () =>
    Effect.gen(function* () {
      for (const [name, message] of yield* messages(claiming(60_000, 60_000))) {
        assert.match(message, /^PATH: this (PNG )?image has more than 178956970 pixels$/, name)
      }
    }).pipe(Effect.provide(environment))
  )

  it.effect("a TIFF whose tiles are nowhere is an error at once", () =>
    Effect.gen(function* () {
      const why = "its strips or tiles are not those of its size"
      for (const [name, message] of yield* messages(nowhere())) {
        assert.strictEqual(message, `PATH: this TIFF image is truncated or damaged (${why})`, name)
      }
    }).pipe(Effect.provide(environment))
  )
})
