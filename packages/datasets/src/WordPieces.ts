/**
 * Texts as BERT reads them: word pieces, by `@huggingface/tokenizers` from a local vocabulary, with its cleaning of texts
 * replaced by `BertNormalizer`. The ids are those of Hugging Face's BertTokenizer (the fast one). A text may hold special
 * tokens, such as "[SEP]", and they count as such; a lone surrogate counts as U+FFFD, which BERT drops.
 */
import { Tokenizer } from "@huggingface/tokenizers"
import { Digest, Tensor } from "@igm/tensor"
import { Effect, FileSystem, Schema } from "effect"
import * as BertNormalizer from "./BertNormalizer.ts"
import { VocabularyError } from "./Errors.ts"

/** The ids of one text or of a pair, with [CLS] and [SEP]. */
export interface Encoding {
  readonly ids: ReadonlyArray<number>
  /** 0 for the first text, 1 for the second and the [SEP] after it. */
  readonly types: ReadonlyArray<number>
}

/** What a model of the BERT family takes: three tensors, n × length; padding has mask 0. */
export interface Batch {
  readonly input_ids: Tensor.Tensor<"int64">
  readonly attention_mask: Tensor.Tensor<"int64">
  readonly token_type_ids: Tensor.Tensor<"int64">
}

/** A vocabulary, ready to encode texts. */
export interface WordPieces {
  /** All parameters, for cache keys and manifests. */
  readonly settings: Digest.Json
  /** The number of pieces; ids are below it. */
  readonly size: number
  /** The id of each special token by its name, such as "[CLS]". */
  readonly special: ReadonlyMap<string, number>
  /**
   * Encodes a text, or a text and its pair. At most `length` ids: pieces are dropped from the end, of a pair from the end
   * of the longer text; [CLS] and [SEP] stay. An empty pair counts as none, as in BertTokenizer's call for one text. Throws
   * a `RangeError` for a length without room for [CLS] and [SEP].
   */
  readonly encode: (text: string, options?: { readonly pair?: string; readonly length?: number }) => Encoding
  /** The text of ids, without special tokens; words are separated by single spaces. */
  readonly decode: (ids: ReadonlyArray<number>) => string
  /**
   * Encodings side by side, padded to `length`, or else to the longest. Throws a `RangeError` when one is longer or there
   * are none.
   */
  readonly batch: (encodings: ReadonlyArray<Encoding>, length?: number) => Batch
}

/** Why a vocabulary cannot be used. */
export class MalformedVocabulary extends Error {
  override readonly name = "MalformedVocabulary"
}

const SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] as const

const Flag = Schema.Boolean
const Absent = Schema.optionalKey(Schema.Literal(false))

const item = (id: string, type: number) => ({ SpecialToken: { id, type_id: type } })
const sequence = (id: string, type: number) => ({ Sequence: { id, type_id: type } })

/** [CLS] first [SEP], and second [SEP] of a pair. */
const template = {
  type: "TemplateProcessing",
  single: [item("[CLS]", 0), sequence("A", 0), item("[SEP]", 0)],
  pair: [item("[CLS]", 0), sequence("A", 0), item("[SEP]", 0), sequence("B", 1), item("[SEP]", 1)]
}

/** The parts of a tokenizer.json that decide about ids, for tokenizers of the BERT kind; others do not decode. */
const TokenizerJson = Schema.Struct({
  added_tokens: Schema.Array(
    Schema.Struct({
      id: Schema.Int,
      content: Schema.String,
      special: Schema.Literal(true),
      single_word: Absent,
      lstrip: Absent,
      rstrip: Absent,
      normalized: Absent
    })
  ),
  normalizer: Schema.Struct({
    type: Schema.Literal("BertNormalizer"),
    clean_text: Flag,
    handle_chinese_chars: Flag,
    strip_accents: Schema.optionalKey(Schema.NullOr(Flag)),
    lowercase: Flag
  }),
  pre_tokenizer: Schema.Struct({ type: Schema.Literal("BertPreTokenizer") }),
  model: Schema.Struct({
    type: Schema.Literal("WordPiece"),
    unk_token: Schema.Literal("[UNK]"),
    continuing_subword_prefix: Schema.Literal("##"),
    max_input_chars_per_word: Schema.Int,
    vocab: Schema.Record(Schema.String, Schema.Int)
  }),
  post_processor: Schema.Struct({ type: Schema.String, single: Schema.Json, pair: Schema.Json })
})

type TokenizerJson = typeof TokenizerJson.Type

/** Word pieces from the contents of a tokenizer.json. Throws `MalformedVocabulary`, also for kinds other than BERT's. */
export const ofTokenizerJson = (json: unknown, { lowerCase }: { readonly lowerCase: boolean }): WordPieces => {
  const decoded = Schema.decodeUnknownResult(TokenizerJson)(json)
  if (decoded._tag === "Failure") throw new MalformedVocabulary(`not a BERT tokenizer: ${decoded.failure.message}`)
  if (Digest.canonicalJson(decoded.success.post_processor) !== Digest.canonicalJson(template)) {
    throw new MalformedVocabulary("not a BERT tokenizer: its post_processor is not [CLS] A [SEP] B [SEP]")
  }
  if (decoded.success.normalizer.lowercase !== lowerCase) {
    throw new MalformedVocabulary(`it says lowercase: ${!lowerCase}, but lowerCase: ${lowerCase} is asked for`)
  }
  return make(decoded.success)
}

/**
 * Word pieces from the contents of a vocab.txt, a piece a line, whose ids are the numbers of the lines from 0. Throws
 * `MalformedVocabulary`.
 */
export const ofVocabulary = (text: string, { lowerCase }: { readonly lowerCase: boolean }): WordPieces => {
  const lines = text.split(/\r\n|\r|\n/)
  if (lines.at(-1) === "") lines.pop()
  const vocab = new Map(lines.map((piece, id) => [piece, id]))
  return make({
    added_tokens: SPECIAL.flatMap((content) => {
      const id = vocab.get(content)
      return id === undefined ? [] : [{ id, content, special: true }]
    }),
    normalizer: { type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, lowercase: lowerCase },
    pre_tokenizer: { type: "BertPreTokenizer" },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(vocab)
    },
    post_processor: template
  })
}

/**
 * The vocabulary in a file: a vocab.txt, which does not say whether its texts are lower-cased, or a tokenizer.json, which
 * does and is an error when it says otherwise than `lowerCase`.
 */
export const open = Effect.fn("WordPieces.open")(function* (path: string, options: { readonly lowerCase: boolean }) {
  const fs = yield* FileSystem.FileSystem
  const fail = (problem: string) => (cause: unknown) => new VocabularyError({ path, problem, cause })
  const bytes = yield* fs.readFile(path).pipe(Effect.mapError(fail("this vocabulary cannot be read")))
  return yield* Effect.try({
    try: () => {
      const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
      return text.startsWith("{") ? ofTokenizerJson(JSON.parse(text), options) : ofVocabulary(text, options)
    },
    catch: (cause) => fail((cause as Error).message)(cause)
  })
})

/** What is used of the library, whose declarations resolve in some programs only. */
interface Library {
  normalizer: (text: string) => string
  pre_tokenizer: (text: string) => Array<string>
  readonly post_processor: (
    first: ReadonlyArray<string>,
    second: ReadonlyArray<string> | null,
    special: boolean
  ) => { readonly tokens: ReadonlyArray<string>; readonly token_type_ids: ReadonlyArray<number> }
  readonly tokenize: (text: string) => ReadonlyArray<string>
  readonly token_to_id: (token: string) => number | undefined
  readonly decode: (ids: ReadonlyArray<number>, options: { readonly skip_special_tokens: boolean }) => string
}

const make = (json: TokenizerJson): WordPieces => {
  const special = new Map(json.added_tokens.map(({ content, id }) => [content, id]))
  for (const token of SPECIAL) {
    if (!special.has(token)) throw new MalformedVocabulary(`it has no ${token}: is this the vocabulary of a BERT?`)
  }
  const decoder = { type: "WordPiece", prefix: "##", cleanup: false }
  const settings = { clean_up_tokenization_spaces: false }
  const tokenizer = new Tokenizer({ ...json, decoder }, settings) as unknown as Library
  // The space, which no word contains, keeps the library from comparing the whole result with its special tokens.
  tokenizer.normalizer = (text) => ` ${BertNormalizer.normalize(text, json.normalizer)}`
  tokenizer.pre_tokenizer = BertNormalizer.split
  const idOf = (token: string): number => tokenizer.token_to_id(token) ?? special.get("[UNK]")!
  const piecesOf = (text: string) => tokenizer.tokenize(text.toWellFormed())
  const size =
    1 +
    Math.max(
      ...special.values(),
      Object.values(json.model.vocab).reduce((a, b) => Math.max(a, b), 0)
    )
  return {
    settings: { kind: "word-pieces", version: 1, tokenizer: Digest.ofJson(json as unknown as Digest.Json) },
    size,
    special,
    encode: (text, { pair = "", length = Number.POSITIVE_INFINITY } = {}) => {
      const room = length - (pair === "" ? 2 : 3)
      if (!(room >= 0)) throw new RangeError(`a length of ${length} has no room for [CLS] and [SEP]`)
      const first = piecesOf(text)
      const second = pair === "" ? null : piecesOf(pair)
      const [a, b] = shares(first.length, second?.length ?? 0, room)
      const { tokens, token_type_ids } = tokenizer.post_processor(first.slice(0, a), second?.slice(0, b) ?? null, true)
      return { ids: tokens.map(idOf), types: token_type_ids }
    },
    decode: (ids) => (ids.length === 0 ? "" : tokenizer.decode([...ids], { skip_special_tokens: true }).trim()),
    batch: (encodings, length) => batch(encodings, special.get("[PAD]")!, length)
  }
}

/**
 * How many of `a` and `b` pieces stay when at most `room` may: none are dropped needlessly, and the longer text loses
 * first; of an odd room that both fill, the longer text (the second, if equal) gets the larger half.
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
