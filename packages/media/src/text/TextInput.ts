/**
 * Turns a text into BERT's input: keeps words as the released code does, truncates after a number of words, and
 * tokenizes into word pieces. Texts are not padded: samples of equal length are encoded together.
 */
import { FileDigest } from "@igm/io"
import { type Digest, Tensor } from "@igm/tensor"
import { Effect, type FileSystem } from "effect"
import { MediaError } from "../Errors.ts"
import { MediaDecoder } from "../MediaDecoder.ts"
import type { Preprocess, Source } from "../Preprocess.ts"
import * as WordPieces from "./WordPieces.ts"

/** The rule by which the released code keeps the words of a text. */
export type Rule =
  /** Twitter15: words of the letters A to Z that stand alone, in lower case. */
  | "letters"
  /** Sarcasm: lower case, without the marks , . ' ! ? " ( ) * # : ; ~ and with spaces for - and /. */
  | "caption"
  /** The whole text, unchanged. */
  | "everything"

/** The parameters that determine a text's tokens. */
export interface Settings {
  /** The vocab.txt or tokenizer.json, and its SHA-256. */
  readonly vocabulary: { readonly file: string; readonly digest: Digest.Digest }
  readonly rule: Rule
  /** The maximal number of words. */
  readonly words: number
}

/** Words of ASCII letters. As in Python, word boundaries are all characters but letters, numbers and underscores. */
const LETTERS = /(?<![\p{L}\p{N}_])[A-Za-z]+(?![\p{L}\p{N}_])/gu
/** The characters that Python counts as white space. */
const SPACE = "\t-\r\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
const SPACES = new RegExp(`[${SPACE}]{2,}`, "g")

const captioned = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[,.'!?"()*#:;~]/g, "")
    .replaceAll(/[-/]/g, " ")
    .replaceAll("<person>", "person")
    .replaceAll(SPACES, " ")
    .replace(/\n+$/, "")
    .replace(/^ +| +$/g, "")

/** The text that is tokenized. */
export const cleaned = (text: string, { rule, words }: Pick<Settings, "rule" | "words">): string => {
  if (rule === "everything") return text
  const kept = rule === "letters" ? (text.match(LETTERS) ?? []).join(" ").toLowerCase() : captioned(text)
  return kept.split(" ").slice(0, words).join(" ")
}

/** The maximal sequence length of a BERT. */
const LONGEST = 512

/** Opens the vocabulary in a file once; fails if its digest differs from the pinned one. */
const vocabularyOf = Effect.fnUntraced(function* ({ file, digest }: Settings["vocabulary"]) {
  const key = `${digest} ${file}`
  const { vocabularies } = (yield* MediaDecoder).workspace
  const known = vocabularies.get(key)
  if (known !== undefined) return known
  const problem = (text: string) => (cause: unknown) => new MediaError({ path: file, problem: text, cause })
  const found = yield* FileDigest.of(file).pipe(Effect.mapError(problem("this vocabulary cannot be read")))
  if (found !== digest) {
    return yield* new MediaError({ path: file, problem: `its SHA-256 is ${found}, not ${digest} as pinned` })
  }
  const words = yield* WordPieces.open(file, { lowerCase: true }).pipe(
    Effect.mapError((error) => problem(error.problem)(error))
  )
  vocabularies.set(key, words)
  return words
})

const integers = (list: ReadonlyArray<number>): Tensor.Tensor<"int64"> =>
  Tensor.make("int64", [list.length], BigInt64Array.from(list, BigInt))

/**
 * Tokens for an encoder with the inputs `ids` and `mask`, each as long as the text's word pieces with [CLS] and [SEP].
 */
export const preprocess = (settings: Settings): Preprocess => {
  const { vocabulary, rule, words } = settings
  return {
    settings: { kind: "text", version: 1, vocabulary: vocabulary.digest, rule, words },
    shape: { ids: ["length"], mask: ["length"] },
    load: Effect.fn("TextInput.load")(function* ({
      path,
      text
    }: Source): Effect.fn.Return<
      { readonly ids: Tensor.Tensor<"int64">; readonly mask: Tensor.Tensor<"int64"> },
      MediaError,
      FileSystem.FileSystem | MediaDecoder
    > {
      if (text === undefined) return yield* new MediaError({ path, problem: "there is no text in it for this sample" })
      const pieces = yield* vocabularyOf(vocabulary)
      const { ids } = pieces.encode(cleaned(text, settings), { length: LONGEST })
      return { ids: integers(ids), mask: integers(ids.map(() => 1)) }
    })
  }
}

/** Twitter15 with the released code's rule: at most 50 words of letters. */
export const twitter15 = (vocabulary: Settings["vocabulary"]): Preprocess =>
  preprocess({ vocabulary, rule: "letters", words: 50 })

/** Sarcasm with the released code's rule: at most 50 words of a caption. */
export const sarcasm = (vocabulary: Settings["vocabulary"]): Preprocess =>
  preprocess({ vocabulary, rule: "caption", words: 50 })
