import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { inflateSync } from "node:zlib"
import { Figures, Html, Png, Statistics, Table } from "../src/index.ts"
import { report } from "./fixture.ts"

const Bits = Schema.Array(Schema.Tuple([Schema.Boolean, Schema.Boolean])).check(
  Schema.isMinLength(1),
  Schema.isMaxLength(60)
)

/** Two methods, right where the bits say so. */
const pair = (bits: typeof Bits.Type) => {
  const labels = bits.map(() => 1)
  const method = (name: string, at: 0 | 1) => ({
    name,
    description: "",
    trainings: [
      {
        seed: 1,
        accuracy: 0,
        macroF1: 0,
        meanAveragePrecision: 0,
        calibrationError: 0,
        predicted: bits.map((b) => Number(b[at]))
      }
    ]
  })
  return { labels, methods: [method("a", 0), method("b", 1)] as const, compared: ["a", "b"] }
}

describe("Statistics", () => {
  it.prop("comparing a with b is the mirror of comparing b with a", { bits: Bits }, ({ bits }) => {
    const [ab] = Statistics.compare(pair(bits))
    const [ba] = Statistics.compare({ ...pair(bits), compared: ["b"] })
    assert.closeTo(ab!.difference, -ba!.difference, 1e-12)
    assert.isAtMost(Math.abs(ab!.low + ba!.high), 2 / bits.length)
    assert.isAtMost(ab!.low, ab!.high)
  })

  it("a method does not differ from itself", () => {
    const same = pair([true, false, true, true].map((right) => [right, right] as const))
    const [comparison] = Statistics.compare(same)
    assert.deepStrictEqual([comparison!.difference, comparison!.low, comparison!.high], [0, 0, 0])
    assert.strictEqual(
      Statistics.verdict(comparison!),
      "a and b: no difference that these data can show (0.0 points, 95 % interval 0.0 to 0.0)"
    )
  })

  it("a clear difference is called one, in the right direction", () => {
    const clear = pair(Array.from({ length: 50 }, (_, i) => [i % 10 > 0, i % 10 > 5] as const))
    const [ab, none] = Statistics.compare(clear)
    assert.isUndefined(none)
    const [ba] = Statistics.compare({ ...clear, compared: ["b"] })
    assert.match(Statistics.verdict(ab!), /^a is more accurate than b \(\+50\.0 points/)
    assert.match(Statistics.verdict(ba!), /^b is less accurate than a \(−50\.0 points/)
  })

  it("the bootstrap's spread is that of the binomial distribution", () => {
    const n = 400
    const [ab] = Statistics.compare(pair(Array.from({ length: n }, (_, i) => [i % 4 === 0, false] as const)))
    const deviation = Math.sqrt((0.25 * 0.75) / n)
    assert.closeTo(ab!.low, 0.25 - 1.96 * deviation, 0.006)
    assert.closeTo(ab!.high, 0.25 + 1.96 * deviation, 0.006)
  })

  it("a difference that the seeds disagree on is none", () => {
    const labels = Array.from({ length: 200 }, () => 1)
    const method = (name: string, right: ReadonlyArray<number>) => ({
      name,
      description: "",
      trainings: right.map((share, t) => {
        const predicted = labels.map((label, i) => (i < 200 * share ? label : 0))
        return { seed: t + 1, accuracy: share, macroF1: 0, meanAveragePrecision: 0, calibrationError: 0, predicted }
      })
    })
    const methods = [method("steady", [0.8, 0.8, 0.8]), method("unsteady", [0.5, 0.85, 0.85])] as const
    const [comparison] = Statistics.compare({ labels, methods, compared: ["steady"] })
    assert.closeTo(comparison!.difference, 0.2 / 3, 1e-12)
    assert.isFalse(Statistics.isDifferent(comparison!))
  })

  it("means and standard deviations are with n − 1, and one number has none", () => {
    assert.deepStrictEqual(Statistics.summary([1, 2, 3]), { mean: 2, deviation: 1 })
    assert.deepStrictEqual(Statistics.summary([0.5]), { mean: 0.5, deviation: null })
  })
})

describe("Table", () => {
  it("shows every method, every comparison and the protocol, in at most 140 columns", () => {
    const text = Table.text(report())
    for (const part of [
      "A  ",
      "chance",
      "macro-F1",
      "mAP",
      "3 seeds",
      "Frozen features",
      "A is more accurate than chance"
    ]) {
      assert.include(text, part)
    }
    assert.isAtMost(Math.max(...text.split("\n").map((line) => line.length)), 140)
  })
})

describe("Figures", () => {
  it.effect("classes that are called like what objects have, or like HTML, are shown by their names", () =>
    Effect.gen(function* () {
      const classes = ["constructor", "__proto__", "<script>x"]
      const svg = yield* Effect.promise(() => Figures.render(Figures.confusion({ ...report(), classes })))
      for (const name of ["constructor", "__proto__", "&lt;script&gt;x"]) {
        assert.strictEqual(svg.split(`>${name}</text>`).length, 3, name)
      }
      const counts = Array.from(svg.matchAll(/>(\d+)<\/text>/g), ([, count]) => Number(count))
      assert.deepStrictEqual(counts, report().confusion.flat())
      const page = yield* Effect.promise(() => Html.page({ ...report(), classes }))
      assert.notInclude(page, "<script")
    })
  )

  it("learning curves name the metric that selected, method by method", () => {
    const text = JSON.stringify(Figures.curves(report()))
    assert.include(text, "validation macro-F1 (fused)")
    assert.include(text, "validation accuracy (fused)")
  })

  it.effect("the same specification always gives the same SVG", () =>
    Effect.gen(function* () {
      for (const figure of [Figures.results, Figures.curves, Figures.confusion, Figures.ledger]) {
        const spec = figure(report())
        const [a, b] = yield* Effect.promise(() => Promise.all([Figures.render(spec), Figures.render(spec)]))
        assert.strictEqual(a, b)
        assert.include(a, "<svg")
        assert.notInclude(a, "NaN")
      }
    })
  )
})

describe("Html", () => {
  it.effect("holds everything in itself: no script, no address to fetch from, and no text taken for markup", () =>
    Effect.gen(function* () {
      const page = yield* Effect.promise(() => Html.page(report()))
      assert.notInclude(page, "<script")
      assert.include(page, "&lt;script&gt;alert(1)")
      assert.include(page, "A made-up &lt;result&gt;")
      assert.include(page, "<blockquote>who &lt;b&gt;wrote&lt;/b&gt; this</blockquote>")
      for (const [, address] of page.matchAll(/(?:src|href)="([^"]*)"/g)) assert.match(address!, /^data:/)
      for (const part of [
        "Protocol",
        "Paired comparisons",
        "What gradient modification really did",
        "1.20 / 1.30 / 4.00"
      ]) {
        assert.include(page, part)
      }
    })
  )
})

describe("Png", () => {
  it("is a picture of the numbers, low frequencies at the bottom", () => {
    const png = Png.heatMap(2, 1, [0, 1])
    assert.deepStrictEqual(Array.from(png.subarray(1, 4)), [0x50, 0x4e, 0x47])
    const size = new DataView(png.buffer).getUint32(33)
    const raw = inflateSync(png.subarray(41, 41 + size))
    assert.deepStrictEqual(Array.from(raw), [0, 252, 255, 164, 0, 0, 0, 4])
  })
})
