/**
 * Added tokens: tokens that a tokenizer looks for in a text before it splits words into pieces, such as BERT's special
 * ones and others that were added to its vocabulary (`$T$`). They are found as in Hugging Face's tokenizers: first
 * those that are not normalized, in the original text; then the others, normalized, in the normalized rest. At each
 * position the longest match wins, from left to right.
 */
import { Schema } from "effect"
import { members, SPACE } from "./BertNormalizer.ts"
import * as Unicode from "./BertUnicode.ts"

const Flag = Schema.optionalKey(Schema.Boolean)

/** An added token; the field names are those of tokenizer.json. */
export const AddedToken = Schema.Struct({
  id: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  content: Schema.String,
  /** Left out of decoded texts. */
  special: Schema.Boolean,
  /** Matches only if no letter, number or underscore is next to it. */
  single_word: Flag,
  /** The match includes the white space on its left (`lstrip`) or on its right (`rstrip`). */
  lstrip: Flag,
  rstrip: Flag,
  /** The normalized form of the token is looked for in the normalized text. */
  normalized: Flag
})
export type AddedToken = typeof AddedToken.Type

/** The id of an added token, or normalized text between added tokens. */
export type Part = number | string

const WORD = members(Unicode.word)
const endsInWord = new RegExp(`[${WORD}]$`, "u")
const beginsWithWord = new RegExp(`^[${WORD}]`, "u")
const isSpace = new RegExp(`^[${SPACE}]$`, "u")

/** Creates a function that splits texts at tokens, each given with the text to look for; drops empty parts. */
const finder = (tokens: ReadonlyArray<readonly [text: string, token: AddedToken]>) => {
  const byText = new Map(tokens)
  const longest = [...byText.keys()].toSorted((a, b) => b.length - a.length)
  const literal = (text: string) => text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`)
  const pattern = new RegExp(longest.map(literal).join("|"), "gu")
  return (text: string): ReadonlyArray<Part> => {
    const parts: Array<Part> = []
    let from = 0
    for (const { 0: found, index } of longest.length === 0 ? [] : text.matchAll(pattern)) {
      const { id, single_word, lstrip, rstrip } = byText.get(found)!
      let [start, end] = [index, index + found.length]
      // A character beyond U+FFFF has two units.
      const before = text.slice(Math.max(0, start - 2), start)
      if (single_word === true && (endsInWord.test(before) || beginsWithWord.test(text.slice(end, end + 2)))) continue
      if (lstrip === true) {
        while (start > from && isSpace.test(text[start - 1]!)) start--
        start = Math.max(start, from)
      }
      if (rstrip === true) while (end < text.length && isSpace.test(text[end]!)) end++
      if (from < start) parts.push(text.slice(from, start))
      // A token of spaces alone may have been taken by the one before it.
      if (start < end) parts.push(id)
      from = end
    }
    if (from < text.length) parts.push(text.slice(from))
    return parts
  }
}

/** Creates a function that splits texts at a tokenizer's added tokens and normalizes the text between them. */
export const splitter = (tokens: ReadonlyArray<AddedToken>, normalize: (text: string) => string) => {
  const early = finder(tokens.flatMap((token) => (token.normalized === true ? [] : [[token.content, token] as const])))
  const late = finder(
    tokens.flatMap((token) => (token.normalized === true ? [[normalize(token.content), token] as const] : []))
  )
  return (text: string): ReadonlyArray<Part> =>
    early(text).flatMap((part) => (typeof part === "number" ? [part] : late(normalize(part))))
}
