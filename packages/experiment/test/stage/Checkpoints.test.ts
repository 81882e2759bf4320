/** What a long body relies on: killed after any checkpoint it goes on from there, with the random numbers it would have had. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { AppendFile, ArtifactStore, contentOf } from "@igm/io"
import { Clock, Effect, FileSystem, Layer, Random, Schema, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { Checkpoints, Journal, Run, Stage, files } from "../../src/index.ts"

const Input = Schema.Struct({ rounds: Schema.Int })

/** What bodies have drawn: in JSON a number that it has no word for is one too. */
const Drawn = Schema.Array(Schema.Struct({ number: Schema.Number, whole: Schema.Int, at: Schema.Number }))

/** A walk of random numbers that is killed after so many of its checkpoints, and tells where it began. */
const walk = (last = Infinity, began: Array<number> = [], schema: Schema.Codec<typeof Drawn.Type, unknown> = Drawn) =>
  Stage.make("walk", {
    version: 1,
    input: Input,
    output: Drawn,
    run: Effect.fnUntraced(function* ({ rounds }) {
      // Numbers that are drawn before the checkpoint is read are drawn again.
      const first = yield* Random.next
      const checkpoints = yield* Checkpoints.json(schema)
      const drawn = [...((yield* checkpoints.last) ?? [])]
      began.push(drawn.length)
      let kept = 0
      while (drawn.length < rounds) {
        const whole = yield* Random.nextIntBetween(-9, 9)
        const number = drawn.length === 1 ? Number.POSITIVE_INFINITY : first + (yield* Random.next)
        const [shuffled = 0] = yield* Random.shuffle([1, 2, 3])
        drawn.push({ number, whole: whole * shuffled, at: yield* Clock.currentTimeMillis })
        yield* checkpoints.save(drawn)
        if (++kept > last) return yield* Effect.interrupt
      }
      return drawn
    })
  })

const temporary = FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped())

/** What is done in a run's folder by one process. */
const within =
  (folder: string) =>
  <A, E, R>(program: Effect.Effect<A, E, R>) =>
    Effect.scoped(program).pipe(
      Effect.provide(
        Run.layer(folder, { trace: "epoch" }).pipe(Layer.provideMerge(ArtifactStore.layer(`${folder}/.store`)))
      )
    )

const notesIn = (folder: string) =>
  Effect.map(AppendFile.read(`${folder}/${files.journal}`, Journal.Record), ({ records }) =>
    records.flatMap((record) => (record.kind === "note" ? [record.note] : []))
  )

const ROUNDS = { rounds: 6 }

const clean = Effect.gen(function* () {
  const folder = yield* temporary
  return yield* walk().stored(ROUNDS).pipe(within(folder))
})

/** A run whose walk was killed, and the file of its checkpoint. */
const killed = Effect.fnUntraced(function* (after: number) {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* temporary
  yield* Effect.exit(walk(after).run(ROUNDS).pipe(within(folder)))
  const [name, ...others] = yield* fs.readDirectory(`${folder}/checkpoints`)
  assert.deepStrictEqual(others, [])
  return { folder, file: `${folder}/checkpoints/${name}` }
})

const checking = <A, E>(test: Effect.Effect<A, E, NodeServices.NodeServices | Scope.Scope>) =>
  test.pipe(Effect.provide(NodeServices.layer), TestClock.withLive)

describe("Checkpoints", () => {
  it.effect("a body that is killed after any of them goes on, and ends in the same artifact", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const whole = yield* clean
      assert.strictEqual(whole.value.length, ROUNDS.rounds)
      assert.strictEqual(new Set(whole.value.map(({ number }) => number)).size, ROUNDS.rounds)
      assert.deepStrictEqual(new Set(whole.value.map(({ at }) => at)), new Set([0]))
      for (let after = 0; after < ROUNDS.rounds; after++) {
        const { folder, file } = yield* killed(after)
        const began: Array<number> = []
        const resumed = yield* walk(Infinity, began).stored(ROUNDS).pipe(within(folder))
        assert.deepStrictEqual(began, [after + 1])
        assert.deepStrictEqual(resumed.value, whole.value)
        assert.strictEqual(contentOf(resumed.artifact), contentOf(whole.artifact))
        assert.isFalse(yield* fs.exists(file), "it is of no more use")
        assert.deepStrictEqual(yield* notesIn(folder), [])
      }
      // Killed each time after one step more, however often.
      const folder = yield* temporary
      const began: Array<number> = []
      for (let n = 0; n < ROUNDS.rounds; n++) {
        yield* Effect.exit(walk(0, began).run(ROUNDS).pipe(within(folder)))
      }
      assert.deepStrictEqual(began, [0, 1, 2, 3, 4, 5])
      const stored = yield* walk(0, began).stored(ROUNDS).pipe(within(folder))
      assert.strictEqual(contentOf(stored.artifact), contentOf(whole.artifact))
    }).pipe(checking)
  )

  it.effect("belong to one piece of work: other input, another version and another run have none", () =>
    Effect.gen(function* () {
      const { folder } = yield* killed(3)
      const began: Array<number> = []
      yield* walk(Infinity, began).run({ rounds: 5 }).pipe(within(folder))
      yield* walk(Infinity, began).run(ROUNDS, { on: "another device" }).pipe(within(folder))
      yield* walk(Infinity, began)
        .run(ROUNDS)
        .pipe(within(yield* temporary))
      assert.deepStrictEqual(began, [0, 0, 0])
      yield* walk(Infinity, began).run(ROUNDS).pipe(within(folder))
      assert.strictEqual(began.at(-1), 4)
    }).pipe(checking)
  )

  it.effect("one that is damaged, of other work or of another type is noted, and the work begins anew", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const whole = yield* clean
      const foreign = yield* Effect.gen(function* () {
        const folder = yield* temporary
        yield* Effect.exit(walk(2).run({ rounds: 7 }).pipe(within(folder)))
        const [name] = yield* fs.readDirectory(`${folder}/checkpoints`)
        return yield* fs.readFile(`${folder}/checkpoints/${name}`)
      })
      const { file, folder } = yield* killed(2)
      const good = yield* fs.readFile(file)
      const text = new TextDecoder().decode(good)
      const bytesOf = (text: string) => new TextEncoder().encode(text)
      const damaged = [
        new Uint8Array(),
        bytesOf("{}"),
        bytesOf("null"),
        good.subarray(0, good.length / 2),
        bytesOf(text.replace('"drawn":', '"drawN":')),
        ...Array.from({ length: 12 }, (_, i) => {
          const at = Math.floor(((i + 0.5) * good.length) / 12)
          return good.with(at, good[at]! ^ 1)
        })
      ]
      const cases = [
        ...damaged.map((bytes) => [bytes, "it is damaged"] as const),
        [foreign, "it belongs to other work"] as const
      ]
      for (const [bytes, problem] of cases) {
        yield* fs.remove(`${folder}/.store/walk`, { recursive: true, force: true })
        yield* fs.writeFile(file, bytes)
        const began: Array<number> = []
        const again = yield* walk(Infinity, began).stored(ROUNDS).pipe(within(folder))
        assert.deepStrictEqual(began, [0], `${problem}: ${new TextDecoder().decode(bytes)}`)
        assert.strictEqual(contentOf(again.artifact), contentOf(whole.artifact))
        const notes = yield* notesIn(folder)
        assert.strictEqual(notes.at(-1), `the checkpoint ${file} is not used: ${problem}`)
      }
      const Other = Schema.Array(Schema.Struct({ number: Schema.Number, whole: Schema.String, at: Schema.Number }))
      yield* fs.remove(`${folder}/.store/walk`, { recursive: true, force: true })
      yield* fs.writeFile(file, good)
      const began: Array<number> = []
      const other = Other as unknown as typeof Drawn
      yield* Effect.exit(walk(Infinity, began, other).run(ROUNDS).pipe(within(folder)))
      assert.deepStrictEqual(began, [0])
      assert.strictEqual((yield* notesIn(folder)).at(-1), `the checkpoint ${file} is not used: it is of another type`)
    }).pipe(checking)
  )
})
