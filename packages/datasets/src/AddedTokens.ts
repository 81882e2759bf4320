/**
 * Tokens that a tokenizer looks for in a text before it cuts words into pieces: BERT's special ones, and others that were
 * added to its vocabulary, such as `$T$`. They are found as Hugging Face's tokenizers find them: those that are not
 * normalized in the text as it is, and the others, normalized, in what is left of it once that is; at each place the
 * longest, from left to right.
 */
import { Schema } from "effect"
import { SPACE, members } from "./BertNormalizer.ts"
import * as Unicode from "./BertUnicode.ts"

const Flag = Schema.optionalKey(Schema.Boolean)

/** A token, by the names of a tokenizer.json. */
export const AddedToken = Schema.Struct({
  id: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  content: Schema.String,
  /** Whether it is left out of decoded texts. */
  special: Schema.Boolean,
  /** Whether it counts only where no letter, number or underscore is beside it. */
  single_word: Flag,
  /** Whether it takes the white space on its left with it, or on its right. */
  lstrip: Flag,
  rstrip: Flag,
  /** Whether it is looked for, normalized, in the normalized text. */
  normalized: Flag
})
export type AddedToken = typeof AddedToken.Type

/** An added token by its id, or a normalized text between such. */
export type Part = number | string

const WORD = members(Unicode.word)
const endsInWord = new RegExp(`[${WORD}]$`, "u")
const beginsWithWord = new RegExp(`^[${WORD}]`, "u")
const isSpace = new RegExp(`^[${SPACE}]$`, "u")

/** Splits texts at tokens, each given with the text that stands for it; what is between them is kept if there is any. */
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

/** Splits texts at the tokens of a tokenizer, and normalizes what is between them. */
export const splitter = (tokens: ReadonlyArray<AddedToken>, normalize: (text: string) => string) => {
  const early = finder(tokens.flatMap((token) => (token.normalized === true ? [] : [[token.content, token] as const])))
  const late = finder(
    tokens.flatMap((token) => (token.normalized === true ? [[normalize(token.content), token] as const] : []))
  )
  return (text: string): ReadonlyArray<Part> =>
    early(text).flatMap((part) => (typeof part === "number" ? [part] : late(normalize(part))))
}
