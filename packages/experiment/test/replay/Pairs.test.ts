import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { ArtifactStore, AtomicFile, contentOf } from "@igm/io"
import { Effect, FileSystem, Schema } from "effect"
import { Replay } from "../../src/index.ts"
import { inPairs } from "../../src/replay/Pairs.ts"

const Name = Schema.Literals(["a", "b"])
const Works = Schema.Array(Schema.Struct({ stage: Name, name: Name })).check(Schema.isMaxLength(8))

describe("Pairs", () => {
  it.prop("everything stands beside itself, however often a name occurs", { works: Works }, ({ works }) => {
    assert.deepStrictEqual(
      inPairs(works, works).map(([one, other]) => [works.indexOf(one!), works.indexOf(other!)]),
      works.map((work) => [works.indexOf(work), works.indexOf(work)])
    )
  })

  it.prop("nothing is lost, and both of a pair have one name", { a: Works, b: Works }, ({ a, b }) => {
    const pairs = inPairs(a, b)
    assert.sameMembers(
      pairs.flatMap(([one]) => (one === undefined ? [] : [one])),
      [...a]
    )
    assert.sameMembers(
      pairs.flatMap(([, other]) => (other === undefined ? [] : [other])),
      [...b]
    )
    for (const [one, other] of pairs) if (one !== undefined && other !== undefined) assert.deepStrictEqual(one, other)
  })

  it.effect("a run in which a name occurs more than once replays as equal as it is", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const layer = ArtifactStore.layer(`${yield* fs.makeTempDirectoryScoped()}/store`)
      const found = yield* Effect.gen(function* () {
        const store = yield* ArtifactStore
        const made = yield* Effect.forEach([1, 2, 3], (n) =>
          store.getOrMake({ stage: "fold", version: 1, name: "fold", key: n }, (scratch) =>
            AtomicFile.write(`${scratch}/a.txt`, `number ${n}`)
          )
        )
        const recorded = made.map((artifact) => ({ ...artifact, content: contentOf(artifact) }))
        const same = yield* Replay.compare(recorded, store, made, { tolerance: 0 })
        const turned = yield* Replay.compare(recorded, store, made.toReversed(), { tolerance: 0 })
        return { same: same.differences, turned: turned.differences }
      }).pipe(Effect.provide(layer))
      assert.deepStrictEqual(found.same, [])
      assert.lengthOf(found.turned, 2)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
