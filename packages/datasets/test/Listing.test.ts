import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, type Path } from "effect"
import { faultText, KineticsSounds, NvGesture } from "../src/index.ts"
import type * as Listing from "../src/Listing.ts"

const gesture = (name: string) =>
  `path:./Video_data/class_01/${name} depth:sk_depth:1:9 color:sk_color:1:9 duo_left:duo_left:1:9 label:1 `
const clip = (name: string) => `${name},10,4`

interface Loader {
  readonly name: string
  readonly names: readonly [readonly [string, string], readonly [string, string]]
  readonly rows: Listing.Lists
  readonly list: (
    lists?: Listing.Lists
  ) => (root: string) => Effect.Effect<Listing.Listing<string>, never, FileSystem.FileSystem | Path.Path>
}

/** Loaders whose lists are published under several names, and rows for them. */
const loaders: ReadonlyArray<Loader> = [
  {
    name: "NVGesture",
    names: [
      ["nvgesture_train_correct_v2.lst", "nvgesture_test_correct_v2.lst"],
      ["nvgesture_train_correct_cvpr2016_v2.lst", "nvgesture_test_correct_cvpr2016_v2.lst"]
    ],
    rows: { train: gesture("subject3_r0"), test: gesture("subject13_r0") },
    list: NvGesture.list
  },
  {
    name: "Kinetics-Sounds",
    names: [
      ["KineticSound-my_train.txt", "KineticSound-my_test.txt"],
      ["my_train.txt", "my_test.txt"]
    ],
    rows: { train: clip("--4-0ihtnBU_000058_000068"), test: clip("-3Mwkq-7TV4_2") },
    list: (lists) => KineticsSounds.list({ kind: "public" }, lists)
  }
]

describe("Listing", () => {
  for (const { name, names, rows, list } of loaders) {
    it.effect(`${name}: lists are found by each of their published names, and of several the user chooses`, () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const root = yield* fs.makeTempDirectoryScoped()
        const write = (train: string, test: string) =>
          Effect.all([
            fs.writeFileString(`${root}/${train}`, `${rows.train}\n`),
            fs.writeFileString(`${root}/${test}`, `${rows.test}\n`)
          ])
        const read = (lists?: { readonly train: string; readonly test: string }) =>
          Effect.map(list(lists)(root), ({ rows, faults }) => [
            ...rows.map(({ split, at }) => `${split} ${at.path.slice(root.length + 1)}:${at.line}`),
            ...faults.map((fault) => faultText(fault).slice(root.length))
          ])

        const [none] = yield* read()
        assert.match(none!, /^: its lists are missing, .* and .*, or .* and .*: which are read is said by `lists`/)
        for (const name of names.flat()) assert.include(none, name)

        for (const [train, test] of names) {
          yield* write(train, test)
          assert.deepStrictEqual(yield* read(), [`train ${train}:1`, `test ${test}:1`])
          // One of two is missing, and not taken from lists of another name.
          yield* fs.remove(`${root}/${test}`)
          assert.deepStrictEqual(yield* read(), [`train ${train}:1`, `/${test}: this file of annotations is missing`])
          yield* fs.remove(`${root}/${train}`)
        }

        for (const [train, test] of names) yield* write(train, test)
        const [both, ...more] = yield* read()
        assert.isEmpty(more)
        assert.strictEqual(
          both,
          `: it has lists of several names, ${names.flat().join(" and ")}: which are read is said by \`lists\` of the loader, or by --lists TRAIN,TEST of igm data`
        )
        const [, [train, test]] = names
        assert.deepStrictEqual(yield* read({ train, test }), [`train ${train}:1`, `test ${test}:1`])
        yield* write("mine.txt", "theirs.txt")
        assert.deepStrictEqual(yield* read({ train: "mine.txt", test: `${root}/theirs.txt` }), [
          "train mine.txt:1",
          "test theirs.txt:1"
        ])
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
    )
  }
})
