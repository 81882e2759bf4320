import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { type Listing, Validation } from "../src/index.ts"

const FRAMES = ["00001.jpg", "00002.JPG", "00003.jpeg", "frame 4.png"]

/** Leftovers that sort before, among and after the frames. */
const LEFT = ["._00001.jpg", ".DS_Store", "#00001.jpg#", "00001.jpg.bak", "00001.jpg~", "Thumbs.db", "desktop.ini"]

const rowOf = (least: number): Listing.Listing<"video"> => ({
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

describe("Validation", () => {
  it.effect("what systems leave in a folder is no frame of a sample: neither counted nor taken for the first", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      for (const name of [...LEFT, ...FRAMES]) yield* fs.writeFileString(`${folder}/${name}`, "left")
      const { samples } = yield* Validation.inspect(folder, rowOf(4))
      assert.deepStrictEqual(samples.train[0]!.media.video.files, FRAMES.slice(0, 3))
      const short = yield* Validation.inspect(folder, rowOf(5))
      assert.include(
        short.faults.map(({ problem }) => problem),
        "the folder . has 4 pictures, 5 are needed"
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
