import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Progress } from "../src/index.ts"

/** What a terminal shows in its one line: a carriage return goes back to the beginning. */
const shown = (written: string): string => {
  let [line, at] = [[] as Array<string>, 0]
  for (const letter of written) {
    if (letter === "\r") at = 0
    else line[at++] = letter
  }
  return line.join("").trimEnd()
}

/** Has work be drawn on a terminal of so many columns; gives what was written. */
const drawn = Effect.fnUntraced(function* (
  columns: number,
  work: (written: ReadonlyArray<string>) => Effect.Effect<void, never, Progress>
) {
  const written: Array<string> = []
  const screen = { columns: () => columns, write: (text: string) => void written.push(text) }
  yield* work(written).pipe(Effect.provide(Progress.layerOn(screen)))
  return written
})

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Works = Schema.Array(
  Schema.Struct({ label: Schema.Literals(["encode train audio", "train heads, epochs", "a"]), total: between(0, 1000) })
).check(Schema.isMaxLength(4))

describe("Progress", () => {
  it.effect.prop(
    "on any terminal no line is longer than it, none has an escape code, and the last is empty",
    { columns: between(1, 120), works: Works },
    ({ columns, works }) =>
      Effect.gen(function* () {
        const written = yield* drawn(columns, () =>
          Effect.gen(function* () {
            for (const { label, total } of works) yield* (yield* (yield* Progress).bar(label, total))(total)
          }).pipe(Effect.scoped)
        )
        const text = written.join("")
        assert.strictEqual(shown(text), "")
        for (const line of text.split("\r")) assert.isBelow(line.length, Math.max(2, columns))
        // eslint-disable-next-line no-control-regex
        assert.notMatch(text, /[\u0000-\u0008\u000a-\u000c\u000e-\u001f\u007f-\u009f]/)
      })
  )

  it.effect("the bar gives way to the label and the count where there is little room", () =>
    Effect.gen(function* () {
      for (const [columns, line] of [
        [80, `train heads, epochs ${"░".repeat(24)} 0/144`],
        [40, `train heads, epochs ${"░".repeat(13)} 0/144`],
        [30, "train heads, epochs 0/144"],
        [12, "train heads"]
      ] as const) {
        yield* drawn(columns, (written) =>
          Effect.gen(function* () {
            yield* (yield* Progress).bar("train heads, epochs", 144)
            assert.strictEqual(shown(written.join("")), line)
          }).pipe(Effect.scoped)
        )
      }
    })
  )
})
