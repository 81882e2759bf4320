import { assert, describe, it } from "@effect/vitest"
import * as WorkRows from "../src/WorkRows.ts"

const work = (stage: string, name: string, how: "made" | "reused" = "made"): WorkRows.Sized => ({
  stage,
  name,
  digest: name,
  how,
  spent: 500,
  bytes: 1000
})

describe("The artifacts of a run", () => {
  const voices = Array.from({ length: 30 }, (_, i) => work("speech", `voice ${i + 1}`))
  const works = [...voices, work("speech", "voice 31", "reused"), work("whiten", "train"), work("whiten", "test")]

  it("of a stage that has many share a row, with their number, time and size", () => {
    const { rows, isFolded } = WorkRows.rows(works, { all: false })
    assert.deepStrictEqual(rows.slice(1), [
      ["speech", "30 artifacts", "made", "15.0 s", "30.0 kB"],
      ["speech", "voice 31", "reused", "", "1.0 kB"],
      ["whiten", "train", "made", "0.5 s", "1.0 kB"],
      ["whiten", "test", "made", "0.5 s", "1.0 kB"]
    ])
    assert.isTrue(isFolded)
  })

  it("have a row each where all of them are asked for", () => {
    const { rows, isFolded } = WorkRows.rows(works, { all: true })
    assert.deepStrictEqual(
      rows.slice(1).map(([, name]) => name),
      works.map(({ name }) => name)
    )
    assert.isFalse(isFolded)
  })
})
