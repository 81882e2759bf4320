import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as AddedTokens from "../../src/text/AddedTokens.ts"

const token = (content: string, id: number, flags: Partial<AddedTokens.AddedToken> = {}) => ({
  id,
  content,
  special: false,
  ...flags
})

const lower = (text: string) => text.toLowerCase()

const Text = Schema.Array(Schema.Literals(["a", "b", "ab", "abc", "$", " ", "\u3000", "é", "𝒳", "A"]))

describe("AddedTokens", () => {
  it.prop(
    "nothing of a text is lost: the parts, each token for its id, are the text",
    { text: Text, single: Schema.Boolean },
    ({ text, single }) => {
      const tokens = ["ab", "abc", "b$", "𝒳"].map((content, id) => token(content, id, { single_word: single }))
      const parts = AddedTokens.splitter(tokens, (text) => text)(text.join(""))
      assert.strictEqual(
        parts.map((part) => (typeof part === "number" ? tokens[part]!.content : part)).join(""),
        text.join("")
      )
      const rest = parts.filter((part) => typeof part === "string")
      if (!single) for (const part of rest) assert.isFalse(tokens.some(({ content }) => part.includes(content)))
    }
  )

  it("takes the longest at each place, from left to right", () => {
    const split = AddedTokens.splitter([token("ab", 1), token("abc", 2), token("bcd", 3)], lower)
    assert.deepStrictEqual(split("abcdab"), [2, "d", 1])
    assert.deepStrictEqual(split(""), [])
  })

  it("a token that is a word of its own has no letter beside it, and a shorter one is not tried in its place", () => {
    const split = AddedTokens.splitter([token("$t", 1), token("$t$", 2, { single_word: true })], lower)
    assert.deepStrictEqual(split("$t$ A$t$ $t$_ ($t$)"), [2, " a$t$ $t$_ (", 2, ")"])
  })

  it("takes white space with it where it says so", () => {
    const tokens = [token("<", 1, { lstrip: true }), token(">", 2, { rstrip: true })]
    assert.deepStrictEqual(AddedTokens.splitter(tokens, lower)("A \u3000< B >\t C"), ["a", 1, " b ", 2, "c"])
  })

  it("those that are normalized are found in what is left of the text, normalized", () => {
    const tokens = [token("$T$", 1), token("$U$", 2, { normalized: true })]
    assert.deepStrictEqual(AddedTokens.splitter(tokens, lower)("$T$$t$$U$$u$"), [1, "$t$", 2, 2])
  })
})
