import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Schema } from "effect"
import { FilmFrames, Inspection, Recordings, Wav } from "../src/index.ts"
import type { Listing } from "../src/Listing.ts"
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

const FRAMES = ["00001.jpg", "00002.JPG", "00003.jpeg", "frame 4.png"]

/** A folder in which some files are, and its path. */
const folderOf = Effect.fnUntraced(function* (names: ReadonlyArray<string>, bytes = new TextEncoder().encode("left")) {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  for (const name of names) yield* fs.writeFile(`${folder}/${name}`, bytes)
  return folder
})

const rowOf = (least: number): Listing<"video"> => ({
  rows: [
    {
      id: "a",
      split: "train",
      label: 0,
      group: "a",
      wanted: { video: { kind: "pictures", path: ".", count: 3, least } },
      at: { path: "list.txt", line: 1 }
    }
  ],
  faults: []
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

  it.effect("are no frames of a sample: neither counted nor taken for the first", () =>
    Effect.gen(function* () {
      const folder = yield* folderOf([...LEFT, ...FRAMES])
      const { samples } = yield* Inspection.inspect(folder, rowOf(4))
      assert.deepStrictEqual(samples.train[0]!.media.video.files, FRAMES.slice(0, 3))
      const short = yield* Inspection.inspect(folder, rowOf(5))
      assert.include(
        short.faults.map(({ problem }) => problem),
        "the folder . has 4 pictures, 5 are needed"
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("are no frames that were made of a film, and no recordings with a wrong name", () =>
    Effect.gen(function* () {
      const folder = yield* folderOf(["._00001.jpg"])
      const { found, faults } = yield* FilmFrames.make([{ film: `${folder}/none.flv`, folder }], () => Effect.void)
      assert.deepStrictEqual([found, faults.length], [0, 1])
      const sounds = yield* folderOf(["0_ann_0.wav"], Wav.encode({ rate: 8000, samples: Float32Array.of(0, 0.5) }))
      const fs = yield* FileSystem.FileSystem
      for (const name of ["._0_ann_0.wav", "Thumbs.db", "desktop.ini"])
        yield* fs.writeFileString(`${sounds}/${name}`, "")
      assert.lengthOf(yield* Recordings.read(sounds), 1)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
