import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Setting } from "../src/index.ts"

const Options = Schema.Struct({
  rate: Setting.nonNegative,
  epochs: Schema.Struct({ audio: Setting.repeats }),
  widths: Schema.Array(Setting.width),
  by: Schema.optional(Setting.oneOf(["accuracy", "macroF1"]))
})

const fits = { rate: 0.1, epochs: { audio: 2 }, widths: [3, 4] }

const problem = (value: unknown): string => {
  try {
    Setting.check("it", Options, value)
    return ""
  } catch (error) {
    assert.instanceOf(error, Setting.SettingError)
    return error.message
  }
}

describe("Setting.check", () => {
  it("gives back what fits", () => {
    assert.strictEqual(Setting.check("it", Options, fits), fits)
    assert.strictEqual(problem({ ...fits, by: "macroF1" }), "")
  })

  it("names the setting, its value and its domain", () => {
    assert.strictEqual(problem({ ...fits, rate: NaN }), "it: rate is NaN: give a finite number of at least 0")
    assert.strictEqual(problem({ ...fits, rate: "0.1" }), 'it: rate is "0.1": give a finite number of at least 0')
    const range = "give a whole number from 1 to 100000"
    assert.strictEqual(problem({ ...fits, epochs: { audio: 0.5 } }), `it: epochs.audio is 0.5: ${range}`)
    assert.strictEqual(problem({ ...fits, widths: [3, 1e9] }), `it: widths[1] is 1000000000: ${range}`)
    assert.strictEqual(problem({ ...fits, by: "f1\n" }), 'it: by is "f1\\u{a}": give "accuracy" or "macroF1"')
    assert.strictEqual(problem({ ...fits, epochs: {} }), "it: epochs.audio is missing: give it a value")
    assert.strictEqual(
      problem({ ...fits, epochs: { audio: 1, smell: 1 } }),
      "it: epochs.smell is 1: there is no such setting"
    )
  })

  it("does not read a list that never ends", () => {
    const endless = (function* () {
      for (;;) yield 1
    })()
    assert.strictEqual(problem({ ...fits, widths: endless }), "it: widths is an object: give a list")
  })

  it("finds what JSON has no word for, wherever it is", () => {
    Setting.checkJson("it", { a: [1, null, "x", { b: undefined }], c: true })
    assert.throws(
      () => Setting.checkJson("it", { a: [1, { b: -Infinity }] }),
      "it: a[1].b is -Infinity: give a finite number"
    )
  })
})
