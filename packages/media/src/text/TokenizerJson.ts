/**
 * The parts of a BERT tokenizer.json that determine token ids, for all versions of Hugging Face's tokenizers: those
 * before 0.9 do not name the model's type, and those before 0.6 write BertProcessing instead of a template. Settings
 * that cannot be reproduced exactly are refused.
 */
import { Digest } from "@igm/tensor"
import { Schema } from "effect"
import { AddedToken } from "./AddedTokens.ts"
import * as BertNormalizer from "./BertNormalizer.ts"

/** The error for a vocabulary that cannot be used; its message gives the reason. */
export class MalformedVocabulary extends Error {
  override readonly name = "MalformedVocabulary"
}

/** The special tokens that every BERT vocabulary must have. */
export const SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] as const

const Flag = Schema.Boolean

const item = (id: string, type: number) => ({ SpecialToken: { id, type_id: type } })
const sequence = (id: string, type: number) => ({ Sequence: { id, type_id: type } })

/** [CLS] first [SEP], and second [SEP] of a pair. */
const template = {
  type: "TemplateProcessing",
  single: [item("[CLS]", 0), sequence("A", 0), item("[SEP]", 0)],
  pair: [item("[CLS]", 0), sequence("A", 0), item("[SEP]", 0), sequence("B", 1), item("[SEP]", 1)]
}

const TokenAndId = Schema.Tuple([Schema.String, Schema.Int])

/** The schema of the parts that determine ids, as a file has them; other types of tokenizers do not decode. */
const File = Schema.Struct({
  added_tokens: Schema.Array(AddedToken),
  normalizer: Schema.Struct({
    type: Schema.Literal("BertNormalizer"),
    clean_text: Flag,
    handle_chinese_chars: Flag,
    strip_accents: Schema.optionalKey(Schema.NullOr(Flag)),
    lowercase: Flag
  }),
  pre_tokenizer: Schema.Struct({ type: Schema.Literal("BertPreTokenizer") }),
  model: Schema.Struct({
    type: Schema.optionalKey(Schema.Literal("WordPiece")),
    unk_token: Schema.Literal("[UNK]"),
    continuing_subword_prefix: Schema.Literal("##"),
    max_input_chars_per_word: Schema.Int,
    vocab: Schema.Record(Schema.String, Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))),
    // Where no type is named, a model with merges is one of byte pairs.
    merges: Schema.optionalKey(Schema.Undefined)
  }),
  post_processor: Schema.Struct({
    type: Schema.Literals(["TemplateProcessing", "BertProcessing"]),
    single: Schema.optionalKey(Schema.Json),
    pair: Schema.optionalKey(Schema.Json),
    special_tokens: Schema.optionalKey(Schema.Record(Schema.String, Schema.Struct({ ids: Schema.Array(Schema.Int) }))),
    sep: Schema.optionalKey(TokenAndId),
    cls: Schema.optionalKey(TokenAndId)
  })
})

type File = typeof File.Type

/** The parts that determine ids, in one normal form for all versions. */
export type TokenizerJson = Omit<File, "model" | "post_processor"> & {
  readonly model: Omit<File["model"], "type" | "merges"> & { readonly type: "WordPiece" }
  readonly post_processor: typeof template
}

const refuse = (problem: string) => new MalformedVocabulary(`not a BERT tokenizer: ${problem}`)

/** The ids of [CLS] and [SEP] that a post-processor inserts, if it gives any. */
const idsOf = ({ type, single, pair, special_tokens = {}, sep, cls }: File["post_processor"]) => {
  if (type === "TemplateProcessing") {
    if (Digest.canonicalJson({ single, pair, type }) === Digest.canonicalJson(template)) {
      return new Map(Object.entries(special_tokens).map(([token, { ids }]) => [token, ids]))
    }
  } else if (cls?.[0] === "[CLS]" && sep?.[0] === "[SEP]") {
    return new Map([cls, sep].map(([token, id]) => [token, [id]]))
  }
  throw refuse("its post_processor is not [CLS] A [SEP] B [SEP]")
}

/** Throws if added tokens have other ids than the tokenizers would give them, or if two cannot be told apart. */
const hold = ({ added_tokens, model: { vocab }, normalizer }: Pick<File, "added_tokens" | "model" | "normalizer">) => {
  const known = new Map(Object.entries(vocab))
  const seen = new Map<string, string>()
  const ids = new Set<number>()
  let last = -1
  for (const { id, content, normalized } of added_tokens) {
    const right = known.get(content) ?? Math.max(known.size, last + 1)
    const name = `the added token ${JSON.stringify(content)}`
    if (id !== right) throw refuse(`${name} has the id ${id}, and by the vocabulary it is ${right}`)
    last = Math.max(last, id)
    const form = normalized === true ? BertNormalizer.normalize(content, normalizer) : content
    const key = `${normalized === true} ${form}`
    if (form === "") throw refuse(`${name} is nothing${content === "" ? "" : " once it is normalized"}`)
    const other = seen.get(key) ?? (ids.has(id) ? content : undefined)
    if (other !== undefined) throw refuse(`${name} cannot be told from ${JSON.stringify(other)}`)
    seen.set(key, content)
    ids.add(id)
  }
}

const complete = (json: TokenizerJson): TokenizerJson => {
  for (const token of SPECIAL) {
    if (!json.added_tokens.some(({ content, special }) => special && content === token)) {
      throw new MalformedVocabulary(`it has no ${token}: is this the vocabulary of a BERT?`)
    }
  }
  return json
}

/** Parses the contents of a tokenizer.json. */
export const ofJson = (json: unknown, { lowerCase }: { readonly lowerCase: boolean }): TokenizerJson => {
  const decoded = Schema.decodeUnknownResult(File)(json)
  if (decoded._tag === "Failure") throw refuse(decoded.failure.message.replaceAll(/\s*\n\s*/g, " "))
  const { model, post_processor, ...rest } = decoded.success
  const put = idsOf(post_processor)
  hold(decoded.success)
  if (rest.normalizer.lowercase !== lowerCase) {
    throw new MalformedVocabulary(`it says lowercase: ${!lowerCase}, but lowerCase: ${lowerCase} is asked for`)
  }
  const { merges: _, ...pieces } = model
  const known = complete({ ...rest, model: { ...pieces, type: "WordPiece" }, post_processor: template })
  for (const { content, id } of known.added_tokens) {
    const ids = put.get(content)
    if (ids !== undefined && (ids.length !== 1 || ids[0] !== id)) {
      throw refuse(`its post_processor puts ${ids.join(", ")} for ${content}, which is ${id}`)
    }
  }
  return known
}

/** Parses the contents of a vocab.txt. */
export const ofVocabulary = (text: string, { lowerCase }: { readonly lowerCase: boolean }): TokenizerJson => {
  const lines = text.split(/\r\n|\r|\n/)
  if (lines.at(-1) === "") lines.pop()
  const vocab = new Map(lines.map((piece, id) => [piece, id]))
  return complete({
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
