import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Schema } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { Page, Png, Report } from "../../src/index.ts"
import { report } from "../fixture.ts"

const Text = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(20))

/** The title of a report, which has no control characters. */
const Title = Text.check(Schema.makeFilter((title) => !/\p{Cc}/u.test(title)))

/** Text as a page has it. */
const escaped = (text: string): string =>
  text
    .replaceAll(
      /(?![\t\n])[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u202a-\u202e\u2066-\u2069]/gu,
      (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`
    )
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;")

describe("Page", () => {
  it.effect("holds everything in itself: no script, no address to fetch from, and no text taken for markup", () =>
    Effect.gen(function* () {
      const page = yield* Page.html(report())
      assert.notInclude(page, "<script")
      assert.include(page, "&lt;script&gt;alert(1)")
      assert.include(page, "A made-up &lt;result&gt;")
      assert.include(page, "<blockquote>who &lt;b&gt;wrote&lt;/b&gt; this</blockquote>")
      for (const [, address] of page.matchAll(/(?:src|href)="([^"]*)"/g)) assert.match(address!, /^data:/)
      for (const part of [
        '<p class="soft">Run <code>made-up-1</code></p>',
        '<p class="headline">A: test accuracy 0.841 ± 0.028 over 3 seeds; above chance; no difference that these data can show from B.</p>',
        '<section class="stamp"><h2>Protocol</h2>',
        "Paired comparisons",
        "What gradient modification really did",
        "1.20 / 1.30 / 4.00",
        "train/&lt;1&gt;, test/2"
      ]) {
        assert.include(page, part)
      }
    })
  )

  it.effect.prop(
    "has every title, cell, line and value, as text and never as markup",
    { of: Title, title: Text, header: Text, cells: Schema.Array(Text), line: Text },
    ({ of, title, header, cells, line }) =>
      Effect.gen(function* () {
        if ([of, line].some((text) => text.trim() === "")) return
        const page = yield* Page.html(
          Report.make(of, [
            Report.table(
              `${title} 1`,
              [header],
              cells.map((cell) => [cell])
            ),
            Report.text(line, line, { look: "notice" }),
            Report.facts("facts", { name: line }),
            Report.json("json", cells, { folded: true })
          ])
        )
        assert.include(page, `<h1>${escaped(of)}</h1>`)
        assert.include(page, `<h2>${escaped(`${title} 1`)}</h2>`)
        assert.include(page, `>${escaped(header)}</th>`)
        for (const cell of cells) assert.include(page, `<td>${escaped(cell)}</td>`)
        assert.include(page, `<section class="stamp"><h2>${escaped(line)}</h2><p>${escaped(line)}</p></section>`)
        assert.include(page, `<dd><code>${escaped(line)}</code></dd>`)
      })
  )

  it.effect("a browser shows it", (context) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const browser = "/usr/bin/chromium"
      if (!(yield* fs.exists(browser))) return context.skip("no browser is installed here")
      const folder = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(`${folder}/page.html`, yield* Page.html(report()))
      const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
      yield* spawner.exitCode(
        ChildProcess.make(browser, [
          "--headless",
          "--no-sandbox",
          "--disable-gpu",
          `--user-data-dir=${folder}/profile`,
          `--screenshot=${folder}/page.png`,
          "--window-size=1000,1400",
          `${folder}/page.html`
        ])
      )
      const png = yield* fs.readFile(`${folder}/page.png`)
      assert.deepStrictEqual(Array.from(png.subarray(1, 4)), Array.from(Png.heatMap(1, 1, [0]).subarray(1, 4)))
      assert.isAbove(png.length, 20_000)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
