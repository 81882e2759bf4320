import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { readFileSync } from "node:fs"
import { PythonList } from "../src/index.ts"

/** A text as Python writes it: in double quotes where it has single ones and no double ones. */
const written = (value: string | number): string => {
  if (typeof value === "number") return String(value)
  const quote = value.includes("'") && !value.includes('"') ? '"' : "'"
  const letters = Array.from(value, (letter) => {
    const code = letter.codePointAt(0)!
    if (letter === quote || letter === "\\") return `\\${letter}`
    if (code < 0x20) return `\\x${code.toString(16).padStart(2, "0")}`
    if (code === 0x2028 || (code >= 0xd800 && code < 0xe000)) return `\\u${code.toString(16)}`
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

  it("reads what ast.literal_eval reads, and as it does, or says what is wrong", () => {
    const cases = readFileSync(new URL("golden/python-lists.jsonl", import.meta.url), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { line: string; values: ReadonlyArray<string | number> | null })
    assert.isAbove(cases.filter(({ values }) => values !== null).length, 200)
    for (const { line, values } of cases) {
      const read = PythonList.parse(line)
      // Names of characters are not known here, and parentheses around a value are nobody's.
      if (!("problem" in read)) assert.deepStrictEqual(read.values, values, JSON.stringify(line))
      else if (values !== null) assert.match(line, /\\N\{|\(/)
    }
  })

  it("octal escapes are characters; one by its name is a problem at its place, as are halves of a character", () => {
    assert.deepStrictEqual(PythonList.parse(String.raw`['1', '\101\60\08 octal', r'\101', 1]`), {
      values: ["1", "A0\u00008 octal", String.raw`\101`, 1]
    })
    const named = PythonList.parse(String.raw`['1', '\101 octal \N{BULLET}', 1]`)
    assert.deepStrictEqual(named, {
      at: 18,
      problem: "\\N{…} names a character, and names are not known here: write it as it is"
    })
    const halves = PythonList.parse(String.raw`['\ud83d\ude00']`)
    assert.isTrue("problem" in halves && halves.problem.startsWith("two halves of a character"))
    assert.deepStrictEqual(PythonList.parse(String.raw`['\ud83d', '\ude00']`), { values: ["\ud83d", "\ude00"] })
  })

  it("says what is wrong, and where", () => {
    const cases: ReadonlyArray<readonly [string, number, string]> = [
      ["'a', 1", 0, "this is not a Python list: it does not begin with ["],
      ["['a' 1]", 5, "a comma is missing"],
      ["['a', 1", 7, "the list does not end"],
      ["['a", 1, "a text that does not end"],
      ["['a', b]", 6, "neither a text in quotes nor an integer"],
      ["[1.5]", 1, "neither a text in quotes nor an integer"],
      ["['\\xg1']", 2, "\\x without 2 digits"],
      ["[1] + [2]", 4, "something stands behind the list"],
      ["[01]", 1, "neither a text in quotes nor an integer"],
      ["[9007199254740993]", 1, "an integer that is too large"],
      ["[b'a']", 1, "bytes, not a text"],
      ["[f'a']", 1, "a text that begins with f'"],
      ["['a\nb']", 1, "a text that does not end"],
      ["['a\0']", 3, "a character that Python does not read"],
      ["[None]", 1, "neither a text in quotes nor an integer"]
    ]
    for (const [line, at, problem] of cases) assert.deepStrictEqual(PythonList.parse(line), { at, problem }, line)
    assert.deepStrictEqual(PythonList.parse("['\\d\\n', 1,]"), { values: ["\\d\n", 1] })
  })
})
