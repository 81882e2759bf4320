import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Schema } from "effect"
import { AppendFile } from "../src/index.ts"
import * as Disk from "./Disk.ts"

const Event = Schema.Struct({
  kind: Schema.String,
  loss: Schema.Number,
  epoch: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThan(0))),
  at: Schema.optionalKey(Schema.Date.check(Schema.isBetweenDate({ minimum: new Date(0), maximum: new Date(1e13) })))
})
type Event = typeof Event.Type
const Events = Schema.NonEmptyArray(Event).check(Schema.isMaxLength(4))

const three: ReadonlyArray<Event> = [
  { kind: "begin", loss: Number.NaN },
  { kind: "epoch é✓", loss: 0.25, epoch: 1 },
  { kind: "end", loss: -1e-7, at: new Date(0) }
]

/** Records as they come back: JSON has one zero. */
const back = (events: ReadonlyArray<Event>) => events.map((event) => ({ ...event, loss: event.loss + 0 }))

const temporary = FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped()).pipe(
  Effect.map((folder) => `${folder}/run/journal.jsonl`)
)
const append = (path: string, events: ReadonlyArray<Event>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const file = yield* AppendFile.open(path, Event)
      yield* Effect.forEach(events, (event) => file.append(event))
      return file
    })
  )
/** The lines of a file without their newlines. */
const linesOf = (path: string) =>
  FileSystem.FileSystem.use((fs) => fs.readFileString(path)).pipe(Effect.map((text) => text.split("\n").slice(0, -1)))

describe("AppendFile", () => {
  it.effect.prop(
    "cut anywhere in its last record, a file keeps all earlier ones and goes on as if never cut",
    { events: Events },
    ({ events }) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = yield* temporary
        yield* append(path, events)
        const whole = yield* fs.readFile(path)
        const before = whole.lastIndexOf(10, whole.length - 2) + 1
        for (let length = before; length < whole.length; length++) {
          yield* fs.writeFile(path, whole.subarray(0, length))
          const seen = yield* AppendFile.read(path, Event)
          assert.deepStrictEqual(seen.records, back(events.slice(0, -1)))
          assert.strictEqual(seen.torn, length - before)
          assert.strictEqual((yield* fs.readFile(path)).length, length)
          const file = yield* append(path, events.slice(-1))
          assert.deepStrictEqual(file.records, back(events.slice(0, -1)))
          assert.strictEqual(file.recovered, length - before)
          assert.deepStrictEqual(yield* fs.readFile(path), whole)
        }
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    { arbitrary: { runs: 6 } }
  )

  it.effect("any changed byte is noticed", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* temporary
      yield* append(path, three)
      const whole = yield* fs.readFile(path)
      for (let at = 0; at < whole.length; at++) {
        for (const to of new Set([whole[at]! ^ 1, whole[at]! ^ 32, whole[at]! ^ 128, 10, 32, 0])) {
          if (to === whole[at]) continue
          yield* fs.writeFile(path, whole.with(at, to))
          const noticed = yield* AppendFile.read(path, Event).pipe(
            Effect.match({ onSuccess: () => false, onFailure: ({ _tag }) => _tag === "AppendFileError" })
          )
          assert.isTrue(noticed, `byte ${at} as ${to}`)
        }
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("an edited, missing, doubled or moved record is named by its line, and nothing is cut off", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* temporary
      yield* append(path, three)
      const [one, two, last] = (yield* linesOf(path)) as [string, string, string]
      const cases: ReadonlyArray<[line: number, lines: ReadonlyArray<string>]> = [
        [2, [one, two.replace("0.25", "0.2"), last]],
        [3, [one, two, last.replace("end", "END")]],
        [2, [one, last]],
        [1, [two, last]],
        [2, [one, one, two]],
        [2, [one, last, two]],
        [2, [one, "half", last]],
        [2, [one, "", two]]
      ]
      for (const [line, lines] of cases) {
        const text = `${lines.join("\n")}\n`
        yield* fs.writeFileString(path, text)
        const error = yield* Effect.flip(append(path, []))
        assert.include(error.message, `${path}, line ${line}: this `)
        assert.include(error.message, `head -n ${line - 1}`)
        assert.strictEqual(yield* fs.readFileString(path), text)
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a whole record of another version is an error, not a torn line", () =>
    Effect.gen(function* () {
      const path = yield* temporary
      yield* append(path, three)
      const Other = Schema.Struct({ kind: Schema.Literals(["begin", "epoch é✓"]) })
      const error = yield* Effect.flip(AppendFile.open(path, Other))
      assert.include(error.message, `${path}, line 3: this record is of another kind`)
      assert.lengthOf(yield* linesOf(path), 3)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect.prop(
    "records appended at once are whole and in the order of the calls",
    { events: Schema.Array(Event).check(Schema.isMaxLength(50)) },
    ({ events }) =>
      Effect.gen(function* () {
        const path = yield* temporary
        const file = yield* AppendFile.open(path, Event)
        const chains = yield* Effect.forEach(events, (event, at) => file.append(event, { flush: at % 8 === 0 }), {
          concurrency: "unbounded"
        })
        const { records, chain, torn } = yield* AppendFile.read(path, Event)
        assert.deepStrictEqual(records, back(events))
        assert.strictEqual(chain, chains.at(-1) ?? "")
        assert.strictEqual(torn, 0)
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    { arbitrary: { runs: 25 } }
  )

  it.effect("a line is plain JSON that other tools read", () =>
    Effect.gen(function* () {
      const path = yield* temporary
      yield* append(path, three)
      assert.deepStrictEqual(
        (yield* linesOf(path)).map((line) => line.replace(/^\{"chain":"[0-9a-f]{16}",/, "{")),
        [
          '{"kind":"begin","loss":"NaN"}',
          '{"epoch":1,"kind":"epoch é✓","loss":0.25}',
          '{"at":"1970-01-01T00:00:00.000Z","kind":"end","loss":-1e-7}'
        ]
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a write that the disk had no room for leaves no half line, and later ones go on", () =>
    Effect.gen(function* () {
      const path = yield* temporary
      let room = Infinity
      let flushed = 0
      const disk = Disk.replacingFiles((file) => ({
        sync: Effect.tap(file.sync, () => Effect.sync(() => (flushed += 1))),
        writeAll: (bytes) =>
          room >= bytes.length
            ? file.writeAll(bytes)
            : Effect.andThen(file.writeAll(bytes.subarray(0, room)), Effect.fail(Disk.failure("ENOSPC")))
      }))
      yield* Effect.gen(function* () {
        const file = yield* AppendFile.open(path, Event)
        yield* file.append(three[0]!)
        room = 20
        const error = yield* Effect.flip(file.append(three[1]!))
        assert.include(error.message, `${path}: cannot append to this file: the disk is full`)
        assert.lengthOf(yield* linesOf(path), 1)
        room = Infinity
        const before = flushed
        yield* file.append(three[1]!)
        assert.strictEqual(flushed, before)
        yield* file.append(three[2]!, { flush: true })
        assert.strictEqual(flushed, before + 1)
      }).pipe(Effect.provide(disk))
      assert.deepStrictEqual((yield* AppendFile.read(path, Event)).records, three)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a record that does not fit its schema is refused, and the file goes on", () =>
    Effect.gen(function* () {
      const path = yield* temporary
      const file = yield* AppendFile.open(path, Event)
      const error = yield* Effect.flip(file.append({ kind: "epoch", loss: 1, epoch: 0.5 }))
      assert.include(error.message, `${path}, line 1: this record does not fit its schema`)
      yield* file.append(three[0]!)
      assert.lengthOf(yield* linesOf(path), 1)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it("takes only objects, and none that has a chain of its own", () => {
    // @ts-expect-error a list is no line
    AppendFile.open("x", Schema.Array(Schema.Int))
    // @ts-expect-error the member chain is the file's
    AppendFile.open("x", Schema.Struct({ chain: Schema.String }))
  })
})
