import { assert, describe, it } from "@effect/vitest"
import { ArtifactStore } from "@igm/io"
import { Effect, FileSystem, Layer } from "effect"
import { TestConsole } from "effect/testing"
import * as Failure from "../src/Failure.ts"
import * as ProgramFile from "../src/ProgramFile.ts"
import { type Complaint, TypeScript } from "../src/TypeScript.ts"
import { layer } from "./fixture.ts"

/** The lines that are printed about a program with so many type errors. */
const printed = Effect.fnUntraced(function* (count: number) {
  const before = (yield* TestConsole.errorLines).length
  const folder = yield* FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped())
  const file = `${folder}/experiment.ts`
  yield* FileSystem.FileSystem.use((fs) => fs.writeFileString(file, ""))
  const complaint = (line: number): Complaint => ({
    file,
    line,
    column: 7,
    text: ["Type '{ width: 1 }' is not assignable.", "  Types of property 'width' are incompatible."]
  })
  const complaints = Array.from({ length: count }, (_, i) => complaint(i + 1))
  const refusing = Layer.succeed(TypeScript, {
    version: "none",
    check: () => Effect.succeed({ kind: "refused", complaints: [complaints[0]!, ...complaints.slice(1)] })
  })
  yield* ProgramFile.load(file, { check: true }).pipe(
    Effect.provide(Layer.merge(refusing, ArtifactStore.layer(`${folder}/store`))),
    Effect.onError(Failure.tell),
    Effect.flip
  )
  const text = (yield* TestConsole.errorLines).slice(before).map(String).join("\n")
  return text.replaceAll(`${folder}/`, "").split("\n")
}, Effect.scoped)

describe("A program with type errors", () => {
  const said = (line: number) => `experiment.ts:${line}:7: width: Types of property 'width' are incompatible.`

  it.effect("is told with its first ten, each in a line with its place, and how to see all of them", () =>
    Effect.gen(function* () {
      const lines = yield* printed(13)
      assert.strictEqual(lines[0], "igm: experiment.ts: 13 type errors")
      assert.deepStrictEqual(
        lines.slice(1, 11),
        Array.from({ length: 10 }, (_, i) => `  ${said(i + 1)}`)
      )
      assert.strictEqual(lines[11], "  and 3 more")
      assert.match(lines[12]!, /npx tsc --noEmit.*--verbose.*--no-check$/)
      assert.lengthOf(lines, 13)
      assert.lengthOf(yield* printed(2), 4)
    }).pipe(Effect.provide(layer))
  )

  it.effect("is told in one line where there is one", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* printed(1), [`igm: ${said(1)} (run with --no-check to run it all the same)`])
    }).pipe(Effect.provide(layer))
  )
})
