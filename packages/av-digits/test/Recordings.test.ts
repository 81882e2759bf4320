import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Wav } from "@igm/media"
import { Effect, FileSystem, Path } from "effect"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Recordings } from "../src/index.ts"

const good = Wav.encode({ rate: 8000, samples: Float32Array.of(0, 0.5, -0.5) })

/** The error of reading a folder with the given files. */
const problemOf = (files: { readonly [name: string]: Uint8Array }) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const folder = yield* fs.makeTempDirectoryScoped()
    for (const [name, bytes] of Object.entries(files)) yield* fs.writeFile(path.join(folder, name), bytes)
    const error = yield* Effect.flip(Recordings.read(folder))
    return error.message.replace(folder, "FOLDER")
  })

describe("Recordings", () => {
  it.effect("names the folder or file and the fault, before anything is made of the others", () =>
    Effect.gen(function* () {
      const text = new TextEncoder().encode("only words, not sound")
      assert.strictEqual(
        yield* problemOf({}),
        "FOLDER: this folder holds no recordings named {digit}_{speaker}_{take}.wav"
      )
      assert.strictEqual(
        yield* problemOf({ "0_ann_0.wav": good, "1_ann_0.wav": good.slice(0, 46) }),
        "FOLDER/1_ann_0.wav: truncated: its data chunk has 2 of 6 bytes"
      )
      assert.strictEqual(yield* problemOf({ "2_ann_0.wav": text }), "FOLDER/2_ann_0.wav: this is not a RIFF/WAVE file")
      assert.strictEqual(
        yield* problemOf({ "12_ann_0.wav": good }),
        "FOLDER/12_ann_0.wav: its name says digit 12, which is not one of 0–9"
      )
      assert.strictEqual(
        yield* problemOf({ "0_ann_0.wav": good, "notes.txt": text, "two_ann_1.wav": good }),
        "FOLDER/notes.txt: its name is not {digit}_{speaker}_{take}.wav (and 1 more files with faults)"
      )
      const missing = yield* Effect.flip(Recordings.read("/nowhere/at/all"))
      assert.strictEqual(missing.message, "/nowhere/at/all: this folder does not exist")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("what systems leave in the folder is no recording with a wrong name", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFile(`${folder}/0_ann_0.wav`, good)
      for (const name of ["._0_ann_0.wav", "Thumbs.db", "desktop.ini"])
        yield* fs.writeFileString(`${folder}/${name}`, "")
      assert.lengthOf(yield* Recordings.read(folder), 1)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("reads digit, speaker and take from the name", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const folder = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFile(path.join(folder, "7_ann_12.wav"), good)
      const [recording] = yield* Recordings.read(folder)
      assert.strictEqual(recording!.digit, 7)
      assert.strictEqual(recording!.speaker, "ann")
      assert.strictEqual(recording!.take, 12)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  const fsdd = fileURLToPath(new URL("../../../../shared/data/fsdd/recordings", import.meta.url))
  it.effect("reads the Free Spoken Digit Dataset whole: 50 takes of ten digits by six speakers", (context) =>
    Effect.gen(function* () {
      if (!existsSync(fsdd)) context.skip("the recordings are not on this machine")
      const found = yield* Recordings.read(fsdd)
      const cells = Map.groupBy(found, ({ speaker, digit }) => `${speaker} ${digit}`)
      assert.strictEqual(cells.size, 60)
      for (const takes of cells.values()) {
        assert.sameMembers(
          takes.map(({ take }) => take),
          Array.from({ length: 50 }, (_, take) => take)
        )
      }
      assert.strictEqual(new Set(found.map(({ digest }) => digest)).size, found.length)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
