/**
 * BERT's word-piece tokenizer: `@huggingface/tokenizers` with a local vocabulary, its normalization replaced by
 * `BertNormalizer` and its search for added tokens by `AddedTokens`. The ids equal those of Hugging Face's
 * BertTokenizer (the fast one). Added tokens within a text, such as "[SEP]", are recognised; a lone surrogate counts as
 * U+FFFD, which BERT drops.
 */
import { Tokenizer } from "@huggingface/tokenizers"
import { Digest, Tensor } from "@igm/tensor"
import { Effect, FileSystem } from "effect"
import * as AddedTokens from "./AddedTokens.ts"
import * as BertNormalizer from "./BertNormalizer.ts"
import { VocabularyError } from "../Errors.ts"
import * as TokenizerJson from "./TokenizerJson.ts"

/** The ids of one text or of a pair of texts, with [CLS] and [SEP]. */
export interface Encoding {
  readonly ids: ReadonlyArray<number>
  /** 0 for the first text, 1 for the second and the [SEP] after it. */
  readonly types: ReadonlyArray<number>
}

/** The input of a model of the BERT family: three tensors, n × length; padding has mask 0. */
export interface Batch {
  readonly input_ids: Tensor.Tensor<"int64">
  readonly attention_mask: Tensor.Tensor<"int64">
  readonly token_type_ids: Tensor.Tensor<"int64">
}

/** A tokenizer with its vocabulary. */
export interface WordPieces {
  /** All parameters, which enter cache keys and manifests. */
  readonly settings: Digest.Json
  /** The size of the vocabulary; all ids are below it. */
  readonly size: number
  /** The id of each special token by its name, such as "[CLS]". */
  readonly special: ReadonlyMap<string, number>
  /**
   * Encodes a text, or a pair of texts, to at most `length` ids: pieces are dropped from the end, of a pair from the
   * end of the longer text; [CLS] and [SEP] stay. An empty pair counts as none, as in BertTokenizer's call for one
   * text. Throws a `RangeError` for a length without room for [CLS] and [SEP].
   */
  readonly encode: (text: string, options?: { readonly pair?: string; readonly length?: number }) => Encoding
  /** Decodes ids to a text without special tokens; words are separated by single spaces. */
  readonly decode: (ids: ReadonlyArray<number>) => string
  /**
   * Stacks encodings into a batch, padded to `length`, or else to the longest. Throws a `RangeError` if one is longer
   * or if there are none.
   */
  readonly batch: (encodings: ReadonlyArray<Encoding>, length?: number) => Batch
}

/**
 * Creates a tokenizer from the contents of a tokenizer.json. Throws `MalformedVocabulary`, also for types other than
 * BERT's.
 */
export const ofTokenizerJson = (json: unknown, options: { readonly lowerCase: boolean }): WordPieces =>
  make(TokenizerJson.ofJson(json, options))

/**
 * Creates a tokenizer from the contents of a vocab.txt, which has a piece per line; ids are line numbers from 0. Throws
 * `MalformedVocabulary`.
 */
export const ofVocabulary = (text: string, options: { readonly lowerCase: boolean }): WordPieces =>
  make(TokenizerJson.ofVocabulary(text, options))

/**
 * Opens a vocabulary file: a vocab.txt, which does not say if texts are lower-cased, or a tokenizer.json, which does;
 * it is an error if it contradicts `lowerCase`.
 */
export const open = Effect.fn("WordPieces.open")(function* (path: string, options: { readonly lowerCase: boolean }) {
  const fs = yield* FileSystem.FileSystem
  const fail = (problem: string) => (cause: unknown) => new VocabularyError({ path, problem, cause })
  const bytes = yield* fs.readFile(path).pipe(Effect.mapError(fail("this vocabulary cannot be read")))
  return yield* Effect.try({
    try: () => {
      const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
      return /^\s*\{/.test(text) ? ofTokenizerJson(JSON.parse(text), options) : ofVocabulary(text, options)
    },
    catch: (cause) => fail((cause as Error).message)(cause)
  })
})

/** The part of the library that is used here; its own declarations do not resolve in all programs. */
interface Library {
  readonly model: {
    readonly encode: (words: ReadonlyArray<string>) => ReadonlyArray<string>
    readonly tokens_to_ids: ReadonlyMap<string, number>
    readonly vocab: ReadonlyArray<string | undefined>
  }
  readonly decoder: { readonly decode: (pieces: ReadonlyArray<string>) => string }
}

const make = (json: TokenizerJson.TokenizerJson): WordPieces => {
  const parts = { ...json, added_tokens: [], decoder: { type: "WordPiece", prefix: "##", cleanup: false } }
  const { model, decoder } = new Tokenizer(parts, {}) as unknown as Library
  const added = new Map(json.added_tokens.map((token) => [token.id, token]))
  const special = new Map(
    json.added_tokens.flatMap((token) => (token.special ? [[token.content, token.id] as const] : []))
  )
  const idOf = (name: (typeof TokenizerJson.SPECIAL)[number]): number => special.get(name)!
  const split = AddedTokens.splitter(json.added_tokens, (text) => BertNormalizer.normalize(text, json.normalizer))
  const piecesOf = (text: string): ReadonlyArray<number> =>
    split(text.toWellFormed()).flatMap((part) =>
      typeof part === "number"
        ? [part]
        : model.encode(BertNormalizer.split(part)).map((piece) => model.tokens_to_ids.get(piece) ?? idOf("[UNK]"))
    )
  return {
    settings: { kind: "word-pieces", version: 1, tokenizer: Digest.ofJson(json as unknown as Digest.Json) },
    size: 1 + [...added.keys(), ...model.tokens_to_ids.values()].reduce((a, b) => Math.max(a, b), 0),
    special,
    encode: (text, { pair = "", length = Number.POSITIVE_INFINITY } = {}) => {
      const room = length - (pair === "" ? 2 : 3)
      if (!(room >= 0)) throw new RangeError(`a length of ${length} has no room for [CLS] and [SEP]`)
      const first = piecesOf(text)
      const second = pair === "" ? [] : piecesOf(pair)
      const [a, b] = shares(first.length, second.length, room)
      const one = [idOf("[CLS]"), ...first.slice(0, a), idOf("[SEP]")]
      const other = pair === "" ? [] : [...second.slice(0, b), idOf("[SEP]")]
      return { ids: [...one, ...other], types: [...one.map(() => 0), ...other.map(() => 1)] }
    },
    decode: (ids) => {
      const shown = ids.filter((id) => added.get(id)?.special !== true)
      const known = shown.flatMap((id) => added.get(id)?.content ?? model.vocab[id] ?? [])
      return decoder.decode(known).trim()
    },
    batch: (encodings, length) => batch(encodings, idOf("[PAD]"), length)
  }
}

/**
 * The numbers of pieces of two texts with `a` and `b` pieces that are kept when at most `room` fit. None are dropped
 * needlessly, and the longer text loses first; if both fill more than half of an odd room, the longer text (the second,
 * if equal) gets the larger half.
 */
const shares = (a: number, b: number, room: number): readonly [number, number] => {
  if (a + b <= room) return [a, b]
  const shorter = Math.min(a, b, Math.floor(room / 2))
  const longer = room - shorter
  return a > b ? [longer, shorter] : [shorter, longer]
}

const batch = (encodings: ReadonlyArray<Encoding>, padding: number, wanted?: number): Batch => {
  const longest = encodings.reduce((most, { ids }) => Math.max(most, ids.length), 0)
  const length = wanted ?? longest
  if (longest === 0) throw new RangeError("a batch of no texts")
  if (longest > length) throw new RangeError(`a text of ${longest} ids does not fit a batch of length ${length}`)
  const tensor = (fill: number, of: (encoding: Encoding) => ReadonlyArray<number>): Tensor.Tensor<"int64"> => {
    const data = new BigInt64Array(encodings.length * length).fill(BigInt(fill))
    encodings.forEach((encoding, row) => of(encoding).forEach((x, i) => (data[row * length + i] = BigInt(x))))
    return Tensor.make("int64", [encodings.length, length], data)
  }
  return {
    input_ids: tensor(padding, ({ ids }) => ids),
    attention_mask: tensor(0, ({ ids }) => ids.map(() => 1)),
    token_type_ids: tensor(0, ({ types }) => types)
  }
}
