/**
 * BERT's normalization of a text and its splitting into words: the two steps before word pieces are looked up. The ones
 * of `@huggingface/tokenizers` differ from Hugging Face's tokenizer for Python, so they are implemented here:
 *
 * - it turns a capital sigma at the end of a word into ς, since JavaScript lower-cases by context; BERT reads σ;
 * - it does not set apart ideographs beyond U+FFFF;
 * - its marks, punctuation, format characters and decompositions are those of the engine's Unicode; BERT's tables are older
 *   and models were trained with them (`BertUnicode.ts`).
 */
import * as Unicode from "./BertUnicode.ts"

/** The settings of a BERT normalizer; the field names are those of tokenizer.json. */
export interface Settings {
  readonly clean_text: boolean
  readonly handle_chinese_chars: boolean
  /** Absent or null: the value of `lowercase`. */
  readonly strip_accents?: boolean | null
  readonly lowercase: boolean
}

/** The members of a character class, from ranges of hexadecimal code points. */
export const members = (ranges: string): string =>
  ranges
    .split(/\s+/)
    .map((range) => range.replaceAll(/[0-9a-f]+/g, String.raw`\u{$&}`))
    .join("")

/** The members of a character class: Unicode's property White_Space, which will not change. */
export const SPACE = String.raw`\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`
const removed = new RegExp(`[${members(Unicode.removed)}]+`, "gu")
const spaces = new RegExp(`[${SPACE}]`, "gu")
const ideograph = new RegExp(`[${members(Unicode.ideographs)}]`, "gu")
const composed = new RegExp(`[${members(Unicode.composed)}]+`, "gu")
const nonspacing = new RegExp(`[${members(Unicode.nonspacing)}]+`, "gu")
const PUNCTUATION = members(Unicode.punctuation)
const words = new RegExp(`[${PUNCTUATION}]|[^${SPACE}${PUNCTUATION}]+`, "gu")

/**
 * Normalizes a text: cleans it, sets ideographs apart, strips accents and lower-cases, each according to the settings.
 */
export const normalize = (text: string, settings: Settings): string => {
  let out = text
  if (settings.clean_text) out = out.replace(removed, "").replace(spaces, " ")
  if (settings.handle_chinese_chars) out = out.replace(ideograph, " $& ")
  // What lies between the known characters takes no part in normalization, whatever a newer Unicode says about it.
  if (settings.strip_accents ?? settings.lowercase) {
    out = out.replace(composed, (run) => run.normalize("NFD")).replace(nonspacing, "")
  }
  return settings.lowercase ? out.replaceAll("Σ", "σ").toLowerCase() : out
}

/** Splits a normalized text into words: at white space, with each punctuation character as a word of its own. */
export const split = (text: string): Array<string> => text.match(words) ?? []
