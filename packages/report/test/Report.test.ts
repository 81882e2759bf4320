import { assert, describe, it } from "@effect/vitest"
import { Digest } from "@igm/tensor"
import { Effect, Schema } from "effect"
import { Block, Leaderboard, Page, Png, Report, ReportError, Section, Terminal } from "../src/index.ts"
import { report, scores, tuning } from "./fixture.ts"

/** A kind of section of one's own. */
const norms = Section.make("norms", {
  data: Schema.Record(Schema.String, Schema.Finite),
  draw: (norms) => [Block.table(["modality", "mean norm"], Object.entries(norms))]
})

const Word = Schema.String.check(Schema.isMaxLength(12))
const Own = Schema.Struct({
  title: Word.check(
    Schema.isPattern(/\S/),
    Schema.makeFilter((title) => !/\p{Cc}/u.test(title))
  ),
  header: Schema.Array(Word).check(Schema.isMinLength(1), Schema.isMaxLength(3)),
  numbers: Schema.Array(Schema.Finite),
  value: Schema.Json,
  facts: Schema.Record(Word, Schema.Finite)
})

/** A report of sections of one's own. */
const reportOf = ({ title, header, numbers, value, facts }: typeof Own.Type): Report.Report =>
  Report.make(title, [
    Report.table(
      title,
      header,
      numbers.map((x) => header.map(() => x)),
      { terminal: true }
    ),
    Report.text(title, numbers.map(String), { list: true, terminal: "Numbers" }),
    Report.json(title, value, { folded: true, terminal: true }),
    Report.facts(title, facts, { terminal: true }),
    Report.picture(title, {
      type: "image/png",
      bytes: Png.heatMap(1, numbers.length + 1, [0, ...numbers]),
      alt: title
    }),
    norms(title, facts)
  ])

describe("Report", () => {
  it.effect.prop("is the same after it was written and read, and so are page and terminal", { own: Own }, ({ own }) =>
    Effect.gen(function* () {
      const before = reportOf(own)
      const after = yield* Report.decode(Report.encode(before))
      assert.deepStrictEqual(after, before)
      assert.strictEqual(Report.encode(after), Report.encode(before))
      assert.strictEqual(yield* Page.html(after), yield* Page.html(before))
      assert.strictEqual(Terminal.text(after), Terminal.text(before))
    })
  )

  it.effect("with all sections that there are is drawn the same from report.json", () =>
    Effect.gen(function* () {
      const before = report({ tuning })
      const after = yield* Report.decode(Report.encode(before))
      assert.deepStrictEqual(after, before)
      assert.strictEqual(yield* Page.html(after), yield* Page.html(before))
      assert.strictEqual(Terminal.text(after), Terminal.text(before))
      assert.deepStrictEqual(Report.charts(after), Report.charts(before))
    })
  )

  it("what a replay compares has every section's data but not the surroundings", () => {
    const text = JSON.stringify(Report.data(report()))
    assert.include(text, '"kind":"leaderboard"')
    for (const other of ["made-up-1", "v22", '"view"']) assert.notInclude(text, other)
    assert.strictEqual(Digest.ofJson(Report.data(report())), Digest.ofJson(JSON.parse(text) as Digest.Json))
  })

  it("refuses an empty title, and two sections of one kind and title", () => {
    assert.throws(() => Report.make(" ", []), ReportError, "its title is empty")
    assert.throws(() => Report.make("a\u001b[31m\nb", []), ReportError, "its title has a line break or another")
    assert.throws(() => Report.text("", "words"), ReportError)
    assert.throws(() => Report.make("t", [Report.text("a", "x"), Report.text("a", "y")]), /there are two of "text: a"/)
    Report.make("t", [Report.text("a", "x"), Report.json("a", 1)])
  })

  it.effect("charts of equal names are two files, and two drawings on the page", () =>
    Effect.gen(function* () {
      const spec = (colour: string) => ({ data: { values: [{}] }, mark: { type: "point", color: colour, clip: true } })
      const two = Report.make("t", [Report.chart("A b", spec("#111111")), Report.chart("a-B!", spec("#222222"))])
      assert.deepStrictEqual(Object.keys(Report.charts(two)), ["a-b", "a-b-2"])
      const page = yield* Page.html(two)
      for (const one of ["#111111", "#222222"]) assert.strictEqual(page.split(one).length, 2)
      const ids = Array.from(page.matchAll(/ id="([^"]*)"/g), ([, id]) => id)
      assert.strictEqual(new Set(ids).size, ids.length)
    })
  )

  it("gives its data back by the kind of section, typed", () => {
    const own = Report.make("t", [Report.leaderboard(scores()), norms("a", { x: 1 }), norms("b", { y: 2 })])
    assert.deepStrictEqual(Section.dataOf(norms, own), [{ x: 1 }, { y: 2 }])
    const [leaderboard] = Section.dataOf(Leaderboard.kind, own)
    assert.strictEqual(leaderboard!.methods[1]!.trainings[2]!.seed, 3)
    const other = Section.make("norms", { data: Schema.String, draw: () => [] })
    assert.deepStrictEqual(Section.dataOf(other, own), [])
  })

  it.effect("a file that is no report is told", () =>
    Effect.gen(function* () {
      const twice = { ...report(), sections: [report().sections[0]!, report().sections[0]!] }
      const [first] = report().sections
      const unsafe = {
        ...first!,
        view: [{ kind: "picture", alt: "", picture: { kind: "image", type: "image/svg+xml", bytes: "", tiny: false } }]
      }
      const notBase64 = {
        ...first!,
        view: [
          { kind: "picture", alt: "", picture: { kind: "image", type: "image/png", bytes: '"><script>', tiny: false } }
        ]
      }
      const loads = { ...first!, view: [{ kind: "chart", name: "x", spec: { data: { url: "http://example.org" } } }] }
      const ragged = { ...first!, view: [{ kind: "table", header: ["a"], rows: [["1", "2"]], notes: [] }] }
      for (const text of [
        "",
        "{}",
        JSON.stringify(twice),
        ...[unsafe, notBase64, loads, ragged].map((section) => JSON.stringify({ title: "t", sections: [section] }))
      ]) {
        assert.instanceOf(yield* Effect.flip(Report.decode(text)), ReportError)
      }
    })
  )
})

describe("Section", () => {
  it("of one's own is typed by its schema, and drawn from its data as JSON has them", () => {
    const section = norms("Norms", { audio: 3.2, image: -0 })
    assert.deepStrictEqual(section, {
      kind: "norms",
      title: "Norms",
      data: { audio: 3.2, image: 0 },
      view: [
        {
          kind: "table",
          header: ["modality", "mean norm"],
          rows: [
            ["audio", "3.2"],
            ["image", "0.0"]
          ],
          notes: []
        }
      ]
    })
    assert.deepStrictEqual(norms.draw(Schema.decodeUnknownSync(norms.data)(section.data), {}), section.view)
    // @ts-expect-error the norms are numbers
    assert.throws(() => norms("Norms", { audio: "3.2" }), ReportError, 'the section "Norms"')
    assert.throws(() => norms("Norms", { audio: NaN }), ReportError)
  })

  it("takes data that JSON does not have by their schema", () => {
    const days = Section.make("days", {
      data: Schema.Array(Schema.Date),
      draw: (days) => [Block.list(days.map((day) => String(day.getUTCFullYear())))]
    })
    assert.deepStrictEqual(days("Days", [new Date(0)]).view, [Block.list(["1970"])])
  })

  it("a drawing that is none is refused", () => {
    const ragged = Section.make("ragged", { data: Schema.Null, draw: () => [Block.table(["a"], [["1", "2"]])] })
    assert.throws(() => ragged("Ragged", null), /row 1 has 2 cells, and the header 1/)
  })
})
