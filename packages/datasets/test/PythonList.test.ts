import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { PythonList } from "../src/index.ts"

/** A text as Python writes it: in double quotes where it has single ones and no double ones. */
const written = (value: string | number): string => {
  if (typeof value === "number") return String(value)
  const quote = value.includes("'") && !value.includes('"') ? '"' : "'"
  const letters = Array.from(value, (letter) => {
    const code = letter.codePointAt(0)!
    if (letter === quote || letter === "\\") return `\\${letter}`
    if (code < 0x20) return `\\x${code.toString(16).padStart(2, "0")}`
    if (code === 0x2028) return "\\u2028"
    return code > 0xffff && code % 2 === 0 ? `\\U${code.toString(16).padStart(8, "0")}` : letter
  })
  return quote + letters.join("") + quote
}

describe("PythonList", () => {
  const Values = Schema.Array(Schema.Union([Schema.String, Schema.Int]))

  it.prop("what Python writes is read", [Values], ([values]) => {
    for (const list of [`[${values.map(written).join(", ")}]`, ` [ ${values.map(written).join(" ,")} ] `]) {
      assert.deepStrictEqual(PythonList.parse(list), { values: values.map((value) => (value === 0 ? 0 : value)) })
    }
  })

  it.prop(
    "whatever stands there instead is a list or a problem at a place in it, and never a failure",
    [Schema.String],
    ([text]) => {
      for (const line of [text, `[${text}]`, `['${text}'`]) {
        const read = PythonList.parse(line)
        if ("problem" in read) assert.isTrue(read.at >= 0 && read.at <= line.length)
      }
    }
  )

  it("says what is wrong, and where", () => {
    const cases: ReadonlyArray<readonly [string, number, string]> = [
      ["'a', 1", 0, "this is not a Python list: it does not begin with ["],
      ["['a' 1]", 5, "a comma is missing"],
      ["['a', 1", 7, "the list does not end"],
      ["['a", 1, "a text that does not end"],
      ["['a', b]", 6, "neither a text in quotes nor an integer"],
      ["[1.5]", 1, "neither a text in quotes nor an integer"],
      ["['\\xg1']", 2, "\\x without 2 digits"],
      ["[1] + [2]", 4, "something stands behind the list"]
    ]
    for (const [line, at, problem] of cases) assert.deepStrictEqual(PythonList.parse(line), { at, problem }, line)
    assert.deepStrictEqual(PythonList.parse("['\\d\\n', 1,]"), { values: ["\\d\n", 1] })
  })
})
