import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Page, Report } from "../../src/index.ts"

describe("Data", () => {
  it.effect("contents that splits share stand in the report, all of them counted, and their absence too", () =>
    Effect.gen(function* () {
      const page = (duplicates: Parameters<typeof Report.duplicates>[0]) =>
        Page.html(Report.make("t", [Report.duplicates(duplicates)]))
      assert.include(yield* page({ found: 0, named: [] }), "No medium or text is in two splits.")
      const some = yield* page({ found: 30, named: [{ modality: "image", ids: ["train/a.png", "test/b.png"] }] })
      assert.include(some, "30 media or texts are in two splits or more")
      assert.include(some, "train/a.png, test/b.png")
      assert.include(some, "The first 1 of 30 are named.")
    })
  )

  it.effect("of many groups the first are named", () =>
    Effect.gen(function* () {
      const groups = Array.from({ length: 30 }, (_, g) => `g${g}`)
      const page = yield* Page.html(Report.make("t", [Report.splits([{ split: "train", samples: 30, groups }])]))
      assert.include(page, "30: g0, ")
      assert.include(page, "g23, …")
    })
  )
})
