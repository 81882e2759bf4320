import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Schema } from "effect"
import { environment } from "./environment.ts"
import { FilmFrames } from "../src/index.ts"
import * as Leftovers from "../src/Leftovers.ts"

/** What macOS, Windows, network storages, volumes, editors and transfers leave behind; the first sorts before all frames. */
const LEFT = [
  ..."._00001.jpg .DS_Store .AppleDouble .Spotlight-V100 .nfs000000000000a1b2 .00001.jpg.Xa3b9k .directory".split(" "),
  ..."__MACOSX Thumbs.db thumbs.db ehthumbs.db desktop.ini Desktop.ini $RECYCLE.BIN @eaDir #recycle lost+found".split(
    " "
  ),
  ..."SYNOPHOTO_THUMB_M.jpg 00001.jpg~ #00001.jpg# ~$list.docx 00001.jpg.bak 00001.jpg.tmp 00001.jpg.part".split(" "),
  ..."00001.jpg.crdownload .00001.jpg.swp".split(" "),
  "System Volume Information",
  "Icon\r"
]

/** A folder in which some files are, and its path. */
const folderOf = Effect.fnUntraced(function* (names: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  for (const name of names) yield* fs.writeFile(`${folder}/${name}`, new TextEncoder().encode("left"))
  return folder
})

describe("Leftovers", () => {
  it("are known by their names", () => {
    assert.deepStrictEqual(
      LEFT.filter((name) => !Leftovers.is(name)),
      []
    )
  })

  it.prop(
    "no frame, clip or recording is one",
    [Schema.Int, Schema.Literals(["jpg", "png", "wav", "mp4", "txt"])],
    ([n, ending]) => {
      const name = `${String(Math.abs(n)).padStart(5, "0")}.${ending}`
      assert.isFalse(Leftovers.is(name))
      assert.isFalse(Leftovers.is(`-_${name}`))
      assert.isFalse(Leftovers.is(`a copy of ${name}`))
    }
  )

  it.effect("are no frames that were made of a film", () =>
    Effect.gen(function* () {
      const folder = yield* folderOf(["._00001.jpg"])
      const { found, faults } = yield* FilmFrames.make([{ film: `${folder}/none.flv`, folder }], () => Effect.void)
      assert.deepStrictEqual([found, faults.length], [0, 1])
    }).pipe(Effect.provide(environment))
  )
})
