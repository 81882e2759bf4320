import { assert, describe, it } from "@effect/vitest"
import { Png, SamplesPage } from "../src/index.ts"

describe("SamplesPage", () => {
  it("shows samples class by class, holds everything in itself, and takes no name for markup", () => {
    const image = { kind: "image", type: "image/png", bytes: Png.heatMap(1, 1, [1]), tiny: true } as const
    const sample = (id: string, label: string): SamplesPage.Sample => ({
      id,
      group: "<i>g</i>",
      split: "train",
      class: label,
      media: {
        image,
        text: { kind: "text", text: "a <script>" },
        audio: { kind: "fault", problem: "a.wav: truncated <b>" }
      }
    })
    const page = SamplesPage.page("<title>", [["samples", "3"]], [sample("1", "b"), sample("2", "a"), sample("3", "b")])
    for (const [, address] of page.matchAll(/(?:src|href)="([^"]*)"/g)) assert.match(address!, /^data:/)
    for (const text of ["<script>", "<i>", "truncated <b>", "<h1><title>"]) assert.notInclude(page, text)
    assert.include(page, "audio: a.wav: truncated &lt;b&gt;")
    assert.deepStrictEqual(
      [...page.matchAll(/<h2>([^<]*)<\/h2>|<strong>(\d)<\/strong>/g)].map(([, title, id]) => title ?? id),
      ["Data", "b", "1", "3", "a", "2"]
    )
  })
})
