import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { ArtifactStore, Progress } from "@igm/io"
import { ImageInput, LogStft, MediaDecoder, TextInput } from "@igm/media"
import { Digest, Split } from "@igm/tensor"
import { Effect, FileSystem, Layer, Schema, type Scope } from "effect"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as Minis from "./Minis.ts"
import {
  CremaD,
  type Dataset,
  type DatasetFaults,
  faultText,
  type FolderDataset,
  FolderDataset as PublishedModule,
  KineticsSounds,
  NvGesture,
  Sarcasm,
  Twitter15,
  Validation
} from "../src/index.ts"
import type * as Listing from "../src/Listing.ts"

const layers = Layer.mergeAll(NodeServices.layer, MediaDecoder.layer, Progress.layerSilent)

/** A data set in a folder of its own, with a store. */
const inFolder = <A, E>(use: (root: string) => Effect.Effect<A, E, Dataset.Environment | MediaDecoder | Scope.Scope>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const [root, store] = [yield* fs.makeTempDirectoryScoped(), yield* fs.makeTempDirectoryScoped()]
    return yield* use(root).pipe(Effect.provide(ArtifactStore.layer(store)))
  }).pipe(Effect.scoped, Effect.provide(layers))

const SIZE = { train: 3, test: 1 }

const text = (root: string) => {
  const file = `${root}/vocab.txt`
  return TextInput.twitter15({ file, digest: Digest.ofBytes(new TextEncoder().encode(Minis.vocabulary)) })
}

/** Each loader, with what its miniature is made of. */
const loaders = {
  "CREMA-D": {
    write: Minis.cremaD,
    make: (root: string, more: object = {}): FolderDataset.FolderDataset<string> =>
      CremaD.make({ root, seed: 1, ...more }),
    annotations: "annotations/train.csv",
    counts: [12, 6, 6],
    media: /audio: AudioWAV\/.*wav/,
    delimiter: ",",
    labelled: (label: string) => `1001_XXX_X_XX,${label}`,
    unknown: ["BAD", /emotion: "BAD" is none of NEU/],
    image: "Image-01-FPS",
    sound: "AudioWAV"
  },
  "Kinetics-Sounds": {
    write: (root: string, size: Minis.Size) => Minis.kineticsSounds(root, size, 4),
    make: (root: string, more: object = {}): FolderDataset.FolderDataset<string> =>
      KineticsSounds.make({ root, seed: 1, ...more }),
    annotations: "KineticSound-my_train.txt",
    counts: [8, 4, 4],
    media: /audio: train_wav\/.*wav/,
    delimiter: ",",
    labelled: (label: string) => `-3Mwkq-7TV4_2,10,${label}`,
    unknown: ["31", /label: "31" is not a class from 0 to 30/],
    image: "train_img/Image-01-FPS",
    sound: "train_wav"
  },
  Twitter15: {
    write: (root: string, size: Minis.Size) =>
      Effect.andThen(Minis.write(root, "vocab.txt", Minis.vocabulary), Minis.twitter15(root, size)),
    make: (root: string, more: object = {}): FolderDataset.FolderDataset<string> =>
      Twitter15.make({ root, seed: 1, text: text(root), ...more }),
    annotations: "absa_data/twitter2015/train.tsv",
    counts: [9, 3, 3],
    media: /image: twitter2015_images\/.*jpg/,
    delimiter: "\t",
    labelled: (label: string) => `99\t${label}\ttrain0.jpg\tso $T$ it is\tsomebody`,
    unknown: ["3", /label: "3" is not 0, 1 or 2/],
    image: "twitter2015_images",
    sound: undefined
  },
  Sarcasm: {
    write: (root: string, size: Minis.Size) =>
      Effect.andThen(Minis.write(root, "vocab.txt", Minis.vocabulary), Minis.sarcasm(root, size)),
    make: (root: string, more: object = {}): FolderDataset.FolderDataset<string> =>
      Sarcasm.make({ root, seed: 1, text: text(root), ...more }),
    annotations: "text/train.txt",
    counts: [6, 2, 2],
    media: /image: images\/.*jpg/,
    delimiter: ",",
    labelled: (label: string) => `['99', 'so it is', ${label}]`,
    unknown: ["2", /label: 2 is not 0 or 1/],
    image: "images",
    sound: undefined
  }
} as const

type Loader = (typeof loaders)[keyof typeof loaders]

/** What is wrong with a damaged copy of a miniature, a line each; of damage inside of files, with that of decoding them. */
const faultsOf = (
  loader: Loader,
  whole: string,
  damage: (root: string) => Effect.Effect<unknown, unknown, FileSystem.FileSystem>,
  inside: boolean
) =>
  inFolder((root) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* Effect.orDie(fs.copy(whole, root, { overwrite: true }))
      yield* Effect.orDie(damage(root))
      const dataset = loader.make(root)
      const found = yield* dataset.check
      const touched = yield* Effect.forEach([loader.image, loader.sound ?? loader.image], (folder) =>
        first(root, folder)
      )
      const isTouched = ({ media }: Dataset.Sample<string>) =>
        Object.values(media).some(({ path }) => touched.some((file) => file.startsWith(path)))
      const few = {
        train: found.samples.train.filter(isTouched),
        valid: found.samples.valid.filter(isTouched),
        test: found.samples.test.filter(isTouched)
      }
      const undecodable = inside ? yield* Validation.undecodable({ samples: few }, dataset.modalities) : []
      const failure = yield* Effect.flip(Effect.asVoid(dataset.prepare)).pipe(Effect.option)
      // What the check finds, preparing fails by, all of it at once.
      const raised = failure._tag === "Some" ? (failure.value as DatasetFaults).faults : []
      assert.deepStrictEqual(raised, found.faults)
      return [...found.faults, ...undecodable].map((fault) => faultText(fault).replaceAll(`${root}/`, ""))
    })
  )

const edit =
  (file: string, change: (text: string) => string | Uint8Array) =>
  (root: string): Effect.Effect<void, unknown, FileSystem.FileSystem> =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const changed = change(yield* fs.readFileString(`${root}/${file}`))
      yield* typeof changed === "string"
        ? fs.writeFileString(`${root}/${file}`, changed)
        : fs.writeFile(`${root}/${file}`, changed)
    })

/** The first file below a folder, in the order of names. */
const first = (root: string, folder: string): Effect.Effect<string, never, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const names = yield* Effect.orElseSucceed(fs.readDirectory(`${root}/${folder}`, { recursive: true }), () => [
      ".none"
    ])
    return names
      .filter((name) => /\.\w+$/.test(name))
      .map((name) => `${root}/${folder}/${name}`)
      .toSorted()[0]!
  })

const onFirst =
  (folder: string, change: (fs: FileSystem.FileSystem, file: string) => Effect.Effect<unknown, unknown>) =>
  (root: string): Effect.Effect<unknown, unknown, FileSystem.FileSystem> =>
    Effect.gen(function* () {
      return yield* change(yield* FileSystem.FileSystem, yield* first(root, folder))
    })

const cut = (folder: string) =>
  onFirst(folder, (fs, file) =>
    Effect.flatMap(fs.readFile(file), (bytes) => fs.writeFile(file, bytes.subarray(0, Math.floor(bytes.length / 2))))
  )

const firstLine = (text: string): string => text.split("\n").find((line) => !line.startsWith("index"))!

for (const [name, loader] of Object.entries(loaders)) {
  describe(name, () => {
    const { annotations, delimiter, image, sound } = loader
    const row = (problem: RegExp) => new RegExp(`^[\\w/.-]+\\.(csv|txt|tsv):\\d+: .*${problem.source}`, problem.flags)

    it.effect("a whole folder is prepared: every row is a sample, and the manifest says what there is", () =>
      inFolder((root) =>
        Effect.gen(function* () {
          yield* loader.write(root, SIZE)
          const dataset = loader.make(root)
          const { samples, manifest } = yield* dataset.prepare
          const counts = (["train", "valid", "test"] as const).map((split) => samples(split).length)
          assert.deepStrictEqual(counts, [...loader.counts])
          for (const { label, media } of samples("test")) {
            assert.isTrue(label >= 0 && label < dataset.classes.length)
            for (const { digest } of Object.values(media)) assert.match(digest, /^[0-9a-f]{64}$/)
          }
          assert.strictEqual(manifest.splits.test.samples, loader.counts[2])
          const again = yield* loader.make(root).prepare
          assert.deepStrictEqual(again.manifest, manifest)
          const few = { train: samples("train").slice(0, 2), valid: [], test: samples("test").slice(0, 2) }
          assert.deepStrictEqual(yield* Validation.undecodable({ samples: few }, dataset.modalities), [])
          const { samples: limited } = yield* loader.make(root, { limit: 2 }).prepare
          assert.deepStrictEqual(
            (["train", "valid", "test"] as const).map((split) => limited(split).length),
            [2, 2, 2]
          )
        })
      )
    )

    it.effect("a file that grew or changed has another digest the next time, and the others are not read again", () =>
      inFolder((root) =>
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem
          yield* loader.write(root, SIZE)
          const before = yield* loader.make(root).prepare
          const file = yield* first(root, image)
          yield* fs.writeFile(file, yield* Minis.picture(5, "another"))
          const after = yield* loader.make(root).prepare
          assert.notStrictEqual(after.manifest.digest, before.manifest.digest)
        }).pipe(Effect.orDie)
      )
    )

    const damages: ReadonlyArray<
      readonly [string, (root: string) => Effect.Effect<unknown, unknown, FileSystem.FileSystem>, RegExp | null]
    > = [
      [
        "a picture is missing",
        onFirst(image, (fs, file) => fs.remove(file)),
        /(is missing|pictures, \d (is|are) needed)/
      ],
      ["a picture is cut off", cut(image), row(/: .*(truncated|cut|end|damaged|premature|incomplete)/i)],
      [
        "a picture is empty",
        onFirst(image, (fs, file) => fs.writeFile(file, new Uint8Array())),
        row(/(is empty|no bytes|empty)/)
      ],
      ["a picture is something else", onFirst(image, (fs, file) => fs.writeFileString(file, "words")), row(/: .*/)],
      [
        "the pictures' folder is a file",
        (root) =>
          Effect.gen(function* () {
            const fs = yield* FileSystem.FileSystem
            yield* fs.remove(`${root}/${image}`, { recursive: true })
            yield* fs.writeFileString(`${root}/${image}`, "")
          }),
        row(/cannot be read|is missing/)
      ],
      [
        "the pictures' folder is a link to itself",
        (root) =>
          Effect.gen(function* () {
            const fs = yield* FileSystem.FileSystem
            yield* fs.remove(`${root}/${image}`, { recursive: true })
            yield* fs.symlink(`${root}/${image}`, `${root}/${image}`)
          }),
        row(/is a link that leads to itself/)
      ],
      [
        "the annotations are missing",
        (root) => Effect.flatMap(FileSystem.FileSystem, (fs) => fs.remove(`${root}/${annotations}`)),
        new RegExp(`^${annotations}: this file of annotations is missing`)
      ],
      ["the annotations are empty", edit(annotations, () => "\n"), new RegExp(`^${annotations}: it has no rows`)],
      [
        "the annotations are not UTF-8",
        edit(annotations, () => Uint8Array.of(0xff, 0xfe, 0x41, 0)),
        new RegExp(`^${annotations}: this is not a text in UTF-8`)
      ],
      [
        "another delimiter",
        edit(annotations, (text) => text.replaceAll(delimiter, ";")),
        row(/(cells|comma|first line)/)
      ],
      [
        "a cell too many",
        edit(annotations, (text) => text.replace(/$/m, name === "Sarcasm" ? "" : `${delimiter}more`)),
        name === "Sarcasm" ? null : row(/(cells|first line)/)
      ],
      [
        "an unknown label",
        edit(annotations, (text) => `${text}\n${loader.labelled(loader.unknown[0])}`),
        row(loader.unknown[1])
      ],
      [
        "a label that is no number or name",
        edit(annotations, (text) => `${text}\n${loader.labelled("'?'")}`),
        row(/(emotion|label)/)
      ],
      [
        "a row twice",
        edit(annotations, (text) => `${text}\n${firstLine(text)}`),
        row(/it is listed twice, first at .*:\d+/)
      ],
      ["a byte-order mark", edit(annotations, (text) => `\ufeff${text}`), null],
      ["carriage returns", edit(annotations, (text) => text.replaceAll("\n", "\r\n")), null],
      ...(sound === undefined
        ? ([
            [
              "a text without a word",
              edit(
                annotations,
                (text) => `${text}\n${name === "Twitter15" ? "99\t1\ttrain0.jpg\t \tsomebody" : "['99', ' ', 1]"}`
              ),
              row(/text: (the text|.*empty)/)
            ],
            [
              "a text of 100 kB",
              edit(
                annotations,
                (text) =>
                  `${text}\n${loader
                    .labelled("1")
                    .replace("so", "so ".repeat(33_000))
                    .replace("99", name === "Twitter15" ? "99" : "1000")
                    .replace(/^\['1000/, "['1999")}`
              ),
              name === "Sarcasm" ? row(/is missing/) : null
            ]
          ] as const)
        : ([
            ["a sound is missing", onFirst(sound, (fs, file) => fs.remove(file)), row(/audio: .*wav is missing/)],
            ["a sound is cut off", cut(sound), row(/audio: .*truncated/)],
            [
              "a sound is empty",
              onFirst(sound, (fs, file) => fs.writeFile(file, new Uint8Array())),
              row(/audio: .*is empty/)
            ],
            [
              "a comma in quotes",
              edit(
                annotations,
                (text) => `${text}\n"a,b"${delimiter}${loader.labelled("1").split(",").slice(1).join(",")}`
              ),
              row(/(clip|emotion): "a,b" does not begin/)
            ],
            [
              "a quote that does not end",
              edit(annotations, (text) => `${text}\n"a${delimiter}b`),
              row(/this line is not in cells/)
            ]
          ] as const))
    ]

    it.effect(`${damages.length} kinds of damage are told with their file and row, or do no harm`, () =>
      inFolder((whole) =>
        Effect.andThen(
          Effect.orDie(loader.write(whole, SIZE)),
          Effect.forEach(
            damages,
            ([what, damage, expected]) =>
              Effect.map(faultsOf(loader, whole, damage, /cut off|something else/.test(what)), (faults) => {
                if (expected === null) assert.deepStrictEqual(faults, [], what)
                else
                  assert.isTrue(
                    faults.some((fault) => expected.test(fault)),
                    `${what}: ${expected}\n${faults.slice(0, 3).join("\n")}`
                  )
              }),
            { discard: true }
          )
        )
      )
    )

    it.effect("samples whose media are missing are left out if that is asked for, and the manifest lists them", () =>
      inFolder((root) =>
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem
          yield* loader.write(root, SIZE)
          yield* fs.remove(
            (yield* first(root, image)).replace(/\/[^/]+\.jpg$/, (file) => (/01-FPS/.test(image) ? "" : file)),
            {
              recursive: true
            }
          )
          const failure = yield* Effect.flip(Effect.asVoid(loader.make(root).prepare))
          assert.match(failure.message, /^[\w-]+: .*:\d+: \w+: .*(missing|needed)/)
          const { manifest } = yield* loader.make(root, { skipMissing: true }).prepare
          assert.strictEqual((manifest.recipe as { readonly skipped: ReadonlyArray<unknown> }).skipped.length, 1)
          assert.strictEqual(
            Object.values(manifest.splits).reduce((total, { samples }) => total + samples, 0),
            loader.counts[0] + loader.counts[1] + loader.counts[2] - 1
          )
        }).pipe(Effect.orDie)
      )
    )
  })
}

describe("Leakage", () => {
  it.effect("groups and media on both sides of a split are counted and named; by actor there are none", () =>
    inFolder((root) =>
      Effect.gen(function* () {
        yield* Minis.cremaD(root, SIZE)
        const same = yield* Minis.picture(0, "the same")
        yield* Minis.write(root, "Image-01-FPS/1001_TRA_X0_XX/00001.jpg", same)
        yield* Minis.write(root, "Image-01-FPS/1001_TES_X0_XX/00001.jpg", same)
        const { manifest } = yield* CremaD.make({ root, seed: 1 }).prepare
        assert.deepStrictEqual(manifest.sharedGroups, ["1001", "1002", "1003", "1004"])
        assert.deepStrictEqual(
          manifest.duplicates?.map(({ modality, ids }) => [modality, ids.map((id) => id.split("/")[1])]),
          [["video", ["1001_TRA_X0_XX", "1001_TES_X0_XX"]]]
        )
        const apart = yield* CremaD.make({ root, seed: 1, split: "independent" }).prepare
        assert.deepStrictEqual(apart.manifest.sharedGroups, [])
      })
    )
  )

  const Rows = Schema.Array(Schema.Tuple([Schema.Int, Schema.Int])).check(Schema.isMinLength(1))
  it.prop("dealing by group never divides one, and keeps every row", [Rows], ([pairs]) => {
    const rows = pairs.map(([group, label], i) => ({
      id: String(i),
      split: "train" as const,
      label: Math.abs(label % 3),
      group: String(group % 5),
      wanted: {},
      at: { path: "x", line: i }
    }))
    for (const dealt of [
      PublishedModule.byGroup({ valid: 0.2, test: 0.3 }, 1)(rows),
      PublishedModule.validByClass(0.3, 1)(rows)
    ]) {
      assert.deepStrictEqual(
        dealt.map(({ id }) => id),
        rows.map(({ id }) => id)
      )
    }
    const splits = new Map<string, string>()
    for (const { group, split } of PublishedModule.byGroup({ valid: 0.2, test: 0.3 }, 1)(rows)) {
      assert.strictEqual(splits.get(group) ?? split, split)
      splits.set(group, split)
    }
  })
})

const shared = fileURLToPath(new URL("../../../../shared/data", import.meta.url))

describe("compat", () => {
  it.effect("what is reproduced of the released code's accidents is listed in the manifest", () =>
    inFolder((root) =>
      Effect.gen(function* () {
        yield* Minis.cremaD(root, SIZE)
        const compatOf = (options: Partial<CremaD.Options>) =>
          Effect.map(CremaD.make({ root, seed: 1, ...options }).prepare, ({ manifest }) => manifest.compat)
        assert.deepStrictEqual(yield* compatOf({}), [])
        const settings = { kind: "x", each: { compat: ["BGR", "missing frames are black"] } }
        const video = { ...ImageInput.imagenet, settings }
        const modalities = { audio: LogStft.inputs.cremaD, video }
        assert.deepStrictEqual(yield* compatOf({ modalities, skipMissing: true }), [
          "video: BGR",
          "video: missing frames are black",
          "rows whose media are missing are left out"
        ])
      })
    )
  )
})

/** A folder that the environment names, as there is no other way to these files; or why it is not there. */
const folderOf = (variable: string) => {
  const folder = process.env[variable] ?? ""
  return { folder, absent: existsSync(folder) ? "" : ` (skipped: ${variable} names no folder)` }
}

describe("published lists", () => {
  const countsOf = ({ rows, faults }: Listing.Listing<string>) => {
    assert.deepStrictEqual(faults, [])
    return Split.all.map((split) => rows.filter((row) => row.split === split).length)
  }
  const tomBert = folderOf("TOMBERT")
  it.effect.skipIf(tomBert.absent !== "")(`Twitter15's have the published numbers of rows${tomBert.absent}`, () =>
    Effect.gen(function* () {
      for (const target of ["left out", "in place"] as const) {
        assert.deepStrictEqual(countsOf(yield* Twitter15.list(target)(tomBert.folder)), [3179, 1122, 1037])
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  const sarcasm = folderOf("SARCASM")
  it.effect.skipIf(sarcasm.absent !== "")(`Sarcasm's have the published numbers of rows${sarcasm.absent}`, () =>
    Effect.gen(function* () {
      for (const labels of ["hashtag", "person"] as const) {
        assert.deepStrictEqual(countsOf(yield* Sarcasm.list(labels)(sarcasm.folder)), [19_816, 2410, 2409])
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  const missing = existsSync(`${shared}/lists`) ? "" : " (skipped: ../shared/data/lists is absent)"
  it.effect.skipIf(missing !== "")(`have the published numbers of rows${missing}`, () =>
    inFolder((root) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* fs.makeDirectory(`${root}/annotations`)
        for (const split of ["train", "test"]) {
          yield* fs.copyFile(`${shared}/lists/CREMAD-${split}.csv`, `${root}/annotations/${split}.csv`)
          yield* fs.copyFile(`${shared}/lists/KineticSound-my_${split}.txt`, `${root}/KineticSound-my_${split}.txt`)
        }
        const count = ({ rows, faults }: Effect.Success<ReturnType<typeof CremaD.list>>) => {
          assert.deepStrictEqual(faults, [])
          return (["train", "test"] as const).map((split) => rows.filter((row) => row.split === split).length)
        }
        const crema = yield* CremaD.list(root)
        assert.deepStrictEqual(count(crema), [6698, 744])
        const actors = (split: string) => new Set(crema.rows.flatMap((row) => (row.split === split ? [row.group] : [])))
        assert.strictEqual([...actors("train")].filter((actor) => actors("test").has(actor)).length, 91)
        assert.deepStrictEqual(count(yield* KineticsSounds.list({ kind: "public" })(root)), [14_799, 2597])
      }).pipe(Effect.orDie)
    )
  )

  const films = existsSync(`${shared}/nvgesture-mini`) ? "" : " (skipped: ../shared/data/nvgesture-mini is absent)"
  it.effect.skipIf(films !== "")(`colour films that are missing are reported, all of them in one error${films}`, () =>
    inFolder((root) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* fs.symlink(`${shared}/nvgesture-mini/Video_data`, `${root}/Video_data`)
        const lines = (yield* fs.readFileString(`${shared}/nvgesture-mini/nvgesture_train_mini.lst`)).trim().split("\n")
        const lists = { train: "train.lst", test: "test.lst" }
        yield* fs.writeFileString(`${root}/train.lst`, lines.filter((_, i) => i % 2 === 0 || i > 40).join("\n"))
        yield* fs.writeFileString(`${root}/test.lst`, lines.filter((_, i) => i % 2 === 1 && i <= 40).join("\n"))
        const none = { settings: {}, shape: [1], load: () => Effect.die("not read") }
        const modalities = { depth: none, rgb: none, flow: none }
        const dataset = NvGesture.make({ root, seed: 1, lists, modalities })
        const { faults } = (yield* Effect.flip(Effect.asVoid(dataset.prepare))) as DatasetFaults
        const colour = faults.filter(({ problem }) => problem.endsWith("sk_color.avi is missing"))
        assert.deepStrictEqual(
          [
            colour.filter(({ column }) => column === "rgb").length,
            colour.filter(({ column }) => column === "flow").length
          ],
          [50, 50]
        )
        assert.strictEqual(faults.length, 100)
      }).pipe(Effect.orDie)
    )
  )
})
