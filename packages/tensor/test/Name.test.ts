import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Name } from "../src/index.ts"

const problem = (check: (of: string, name: unknown) => string, name: unknown): string | undefined => {
  try {
    assert.strictEqual(check("it", name), name)
    return undefined
  } catch (error) {
    assert.instanceOf(error, Name.NameError)
    return error.message
  }
}

/** Names that have broken something, and many that have not. */
const Drawn = Schema.Union([
  Schema.String,
  Schema.Literals([
    "..",
    ".",
    "../../escape",
    "a/b",
    "a\\b",
    "CON",
    "nul.txt",
    "x.",
    " x",
    "~",
    "-x",
    "\u0000",
    "\ud800"
  ])
])

describe("Name", () => {
  it.prop("what may name a folder is one part of a path, seen whole, and short", { name: Drawn }, ({ name }) => {
    if (problem(Name.folder, name) !== undefined) return
    assert.notMatch(name, /[/\\:*?"<>|\p{C}]|^[.~-]|[. ]$|^$/u)
    assert.isAtMost(
      new TextEncoder().encode(`${Name.slug(name)}-seed-${Number.MAX_SAFE_INTEGER}.safetensors`).length,
      220
    )
    assert.isUndefined(problem(Name.printed, name))
  })

  it.prop("what is told of a name is one line without controls, whatever the name", { name: Drawn }, ({ name }) => {
    assert.notMatch(problem(Name.key, name) ?? "", /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
    assert.isBelow(Name.shown(name).length, 700)
  })

  it("names in all scripts are names, and what a reader does not see is none", () => {
    const good = ["IGM (paper)", "größe-ключ-😀", "方法", "a b", "v1.2", "late fusion, τ = 0.4", "été", "हिन्दी"]
    for (const name of good) assert.isUndefined(problem(Name.folder, name), name)
    const unseen = "it may not have a line break, a control or another character that cannot be seen"
    for (const name of [
      "a\nb",
      "a\u0000b",
      "\u001b[31mred",
      "a\u202eb",
      "a\u200bb",
      "\ud800",
      "a\u00a0b",
      "\u3164",
      "a\u0085"
    ]) {
      assert.include(problem(Name.printed, name), unseen)
    }
    assert.strictEqual(problem(Name.printed, "a\u001b[31m"), `it is "a\\u{1b}[31m": ${unseen}`)
    assert.strictEqual(problem(Name.printed, ""), 'it is "": it may not be empty')
    assert.strictEqual(problem(Name.printed, "x "), 'it is "x ": it may not have a blank at either end')
    assert.strictEqual(problem(Name.printed, 5), "it is a number: it has to be a text")
    assert.include(problem(Name.printed, "n".repeat(300)), "at most 120 bytes, and has 300")
  })

  it("a folder's name is one on every system, and what is printed only need not be", () => {
    const bad = [
      "../../escape",
      "a/b",
      "a\\b",
      ".hidden",
      ".store",
      ".",
      "..",
      "CON",
      "aux.x",
      "COM¹",
      "a.",
      "-x",
      "~",
      "a:b"
    ]
    for (const name of bad) {
      assert.include(problem(Name.folder, name), "a folder is named by it", name)
      assert.isUndefined(problem(Name.printed, name), name)
    }
  })

  it("no value is kept under the name of what every object has", () => {
    for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty"]) {
      assert.include(problem(Name.key, name), "every object has something of this name")
      assert.isUndefined(problem(Name.printed, name))
    }
  })

  it("files of names of all scripts are told apart, and those of equal letters are not", () => {
    assert.strictEqual(Name.slug("IGM (paper), tuned"), "igm-paper-tuned")
    assert.strictEqual(Name.slug("方法"), "方法")
    assert.strictEqual(Name.slug("E\u0301TE\u0301"), Name.slug("été"))
    assert.strictEqual(Name.slug("?!"), "")
  })
})
