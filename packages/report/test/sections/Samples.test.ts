import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Page, Png, Report, type SampleCard } from "../../src/index.ts"
import { view } from "../fixture.ts"

describe("Samples", () => {
  it.effect("shows cards section by section, holds everything in itself, and takes no name for markup", () =>
    Effect.gen(function* () {
      const card = (title: string): SampleCard => ({
        title,
        subtitle: "train · <i>g</i>",
        media: [
          { alt: "image of b", media: { kind: "image", type: "image/png", bytes: Png.heatMap(1, 1, [1]), tiny: true } },
          { alt: "text of b", media: { kind: "text", text: "a <script>" } },
          { alt: "audio", media: { kind: "fault", problem: "a.wav: truncated <b>" } },
          { alt: "vector", media: { kind: "image", type: "image/svg+xml", bytes: Uint8Array.of(1) } }
        ],
        bars: []
      })
      const page = yield* Page.html(
        Report.make("<title>", [
          Report.table("Data", ["", ""], [["samples", 3]]),
          Report.cards("b", [card("1"), card("3")]),
          Report.cards("a", [card("2")])
        ])
      )
      for (const [, address] of page.matchAll(/(?:src|href)="([^"]*)"/g))
        assert.match(address!, /^data:(image\/png;base64,|,)/)
      for (const text of ["<script>", "<i>", "truncated <b>", "<h1><title>"]) assert.notInclude(page, text)
      assert.include(page, "audio: a.wav: truncated &lt;b&gt;")
      assert.include(page, "vector: a page does not show image/svg+xml")
      assert.deepStrictEqual(
        [...page.matchAll(/<h2>([^<]*)<\/h2>|<strong>(\d)<\/strong>/g)].map(([, title, id]) => title ?? id),
        ["Data", "b", "1", "3", "a", "2"]
      )
    })
  )

  it("a replay compares the digests of pictures and sounds, and the report holds their bytes once", () => {
    const section = Report.samples([view()], { split: "test", classes: ["zero", "one", "two"] })
    const bytes = Buffer.from(Png.heatMap(4, 4, [...Array(16).keys()])).toString("base64")
    assert.notInclude(JSON.stringify(section.data), bytes)
    assert.strictEqual(JSON.stringify(section).split(bytes).length, 2)
    assert.include(JSON.stringify(section.data), '"share":0.7,"text":"two 0.70","right":true')
  })
})
