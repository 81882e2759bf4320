import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { ArtifactStore, Progress } from "@igm/io"
import { MediaDecoder, MediaFile } from "@igm/media"
import { Effect, FileSystem, Layer } from "effect"
import * as Minis from "./Minis.ts"
import { faultText, NvGesture, Validation } from "../src/index.ts"

const LIST = "nvgesture_train_correct_v2.lst"
const CLIP = "Video_data/class_01/subject1_r0"
const DEPTH = `${CLIP}/sk_depth.avi`
const layers = Layer.mergeAll(NodeServices.layer, MediaDecoder.layer, Progress.layerSilent)

type Damage = (fs: FileSystem.FileSystem, root: string) => Effect.Effect<unknown, unknown, MediaDecoder>

/** The list's first line, changed. */
const line =
  (change: (line: string) => string): Damage =>
  (fs, root) =>
    Effect.flatMap(fs.readFileString(`${root}/${LIST}`), (text) => {
      const [first, ...others] = text.split("\n") as [string, ...ReadonlyArray<string>]
      return fs.writeFileString(`${root}/${LIST}`, [change(first), ...others].join("\n"))
    })

const bytes =
  (change: (bytes: Uint8Array) => Uint8Array): Damage =>
  (fs, root) =>
    Effect.flatMap(fs.readFile(`${root}/${DEPTH}`), (film) => fs.writeFile(`${root}/${DEPTH}`, change(film)))

const range = (from: string, to: string) =>
  line((text) => text.replace(/depth:sk_depth:\d+:\d+/, `depth:sk_depth:${from}:${to}`))

const at = (problem: RegExp) => new RegExp(`^${LIST}:1: .*${problem.source}`)

const damages: ReadonlyArray<readonly [what: string, damage: Damage, expected: RegExp | null]> = [
  ["a film is missing", (fs, root) => fs.remove(`${root}/${DEPTH}`), at(/depth: .*sk_depth\.avi is missing/)],
  ["a film is cut off", bytes((film) => film.subarray(0, Math.floor(film.length / 2))), at(/depth: .*sk_depth\.avi: /)],
  ["a film is empty", bytes(() => new Uint8Array()), at(/depth: .*empty/)],
  ["a film is something else", bytes(() => new TextEncoder().encode("words")), at(/depth: .*sk_depth\.avi: /)],
  [
    "a film has no frames",
    (_, root) => MediaFile.write(`${root}/${DEPTH}`, { pictures: { width: 96, height: 72, rate: 10, frames: [] } }),
    at(/depth: .*sk_depth\.avi: /)
  ],
  ["a range goes past the film's end", range("0", "70"), at(/depth: .*sk_depth\.avi: /)],
  ["a range is longer than a clip", range("0", "500"), at(/depth: .*500 of them, of which a clip holds 80/)],
  ["a range is empty", range("5", "5"), at(/depth: "5:5" is no range of frames/)],
  ["a range runs backwards", range("9", "5"), at(/depth: "9:5" is no range of frames/)],
  ["a range is no number", range("a", "5"), at(/depth: "a:5" is no range of frames/)],
  ["a range is negative", range("-3", "5"), at(/depth: "-3:5" is no range of frames/)],
  ["no film is named", line((text) => text.replace(/color:\S+/, "")), at(/color: no film is named/)],
  ["a film is named twice", line((text) => `${text} depth:sk_depth:0:5`), at(/depth: it is given twice/)],
  [
    "a label is out of range",
    line((text) => text.replace(/label:\d+/, "label:26")),
    at(/label: "26" is not a class from 1 to 25/)
  ],
  ["a label is 0", line((text) => text.replace(/label:\d+/, "label:0")), at(/label: "0" is not a class/)],
  ["a label is missing", line((text) => text.replace(/label:\d+/, "")), at(/label: "" is not a class/)],
  ["a label is a word", line((text) => text.replace(/label:\d+/, "label:wave")), at(/label: "wave" is not a class/)],
  [
    "a path has no subject",
    line((text) => text.replace("subject1_r0", "someone")),
    at(/path: .*does not end in subjectN_rN/)
  ],
  [
    "a path leads out of the folder",
    line((text) => text.replace("./Video_data", "../Video_data")),
    at(/path: .*leads out/)
  ],
  ["another delimiter", line((text) => text.replaceAll(" ", ";")), at(/(path|label|depth): /)],
  ["a row twice", line((text) => `${text}\n${text}`), new RegExp(`^${LIST}:2: .*listed twice, first at .*:1`)],
  ["a byte-order mark", line((text) => `\ufeff${text}`), null],
  [
    "carriage returns",
    (fs, root) =>
      Effect.flatMap(fs.readFileString(`${root}/${LIST}`), (text) =>
        fs.writeFileString(`${root}/${LIST}`, text.replaceAll("\n", "\r\n"))
      ),
    null
  ],
  [
    "the list is missing",
    (fs, root) => fs.remove(`${root}/${LIST}`),
    new RegExp(`^${LIST}: this file of annotations is missing`)
  ],
  [
    "the list is empty",
    (fs, root) => fs.writeFileString(`${root}/${LIST}`, "\n"),
    new RegExp(`^${LIST}: it has no rows`)
  ],
  [
    "the films' folder is a link to itself",
    (fs, root) =>
      Effect.andThen(
        fs.remove(`${root}/${CLIP}`, { recursive: true }),
        fs.symlink(`${root}/${CLIP}`, `${root}/${CLIP}`)
      ),
    at(/depth: .*link that leads to itself/)
  ]
]

/** What the check of a folder says, and what decoding the first clip's depth says. */
const faultsOf = Effect.fnUntraced(function* (root: string) {
  const dataset = NvGesture.make({ root, seed: 1 })
  const found = yield* dataset.check
  const isFirst = ({ id }: { readonly id: string }) => id === CLIP
  const { train, valid, test } = found.samples
  const first = { train: train.filter(isFirst), valid: valid.filter(isFirst), test: test.filter(isFirst) }
  const inside = yield* Validation.undecodable(
    {
      samples: {
        train: first.train.map(({ media, ...sample }) => ({ ...sample, media: { depth: media.depth } })),
        valid: first.valid.map(({ media, ...sample }) => ({ ...sample, media: { depth: media.depth } })),
        test: []
      }
    },
    { depth: dataset.modalities["depth"]! }
  )
  return [...found.faults, ...inside].map((fault) => faultText(fault).replaceAll(`${root}/`, ""))
})

describe("NVGesture", () => {
  it.effect(`${damages.length} kinds of damage are told with their file and row, or do no harm`, () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const whole = yield* fs.makeTempDirectoryScoped()
      yield* Minis.nvGesture(whole, { train: 2, test: 1 }, 2)
      for (const [what, damage, expected] of damages) {
        const [root, store] = [yield* fs.makeTempDirectoryScoped(), yield* fs.makeTempDirectoryScoped()]
        yield* fs.copy(whole, root, { overwrite: true })
        yield* damage(fs, root)
        const faults = yield* faultsOf(root).pipe(Effect.provide(ArtifactStore.layer(store)))
        if (expected === null) assert.deepStrictEqual(faults, [], what)
        else {
          const isTold = faults.some((fault) => expected.test(fault))
          assert.isTrue(isTold, `${what}: ${expected}\n${faults.slice(0, 3).join("\n")}`)
        }
      }
    }).pipe(Effect.scoped, Effect.orDie, Effect.provide(layers))
  )
})
