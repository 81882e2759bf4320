import { assert, describe, it } from "@effect/vitest"
import { WordPieces } from "../../src/index.ts"
import * as TokenizerJson from "../../src/text/TokenizerJson.ts"

const PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hello", "world", "##s", "!", "un", "##aff"]

const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false }
const special = (content: string, id: number) => ({ id, content, special: true, ...plain })

/** A tokenizer.json as versions before 0.9 of the tokenizers wrote it. */
const old = {
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: PIECES.slice(0, 5).map(special),
  normalizer: {
    type: "BertNormalizer",
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true
  },
  pre_tokenizer: { type: "BertPreTokenizer" },
  post_processor: { type: "BertProcessing", sep: ["[SEP]", 3], cls: ["[CLS]", 2] },
  decoder: { type: "WordPiece", prefix: "##", cleanup: true },
  model: {
    unk_token: "[UNK]",
    continuing_subword_prefix: "##",
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries(PIECES.map((piece, id) => [piece, id]))
  }
}

const item = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } })
const sequence = (id: string, type_id: number) => ({ Sequence: { id, type_id } })
const single = [item("[CLS]", 0), sequence("A", 0), item("[SEP]", 0)]
const template = {
  type: "TemplateProcessing",
  single,
  pair: [...single, sequence("B", 1), item("[SEP]", 1)],
  special_tokens: {
    "[CLS]": { id: "[CLS]", ids: [2], tokens: ["[CLS]"] },
    "[SEP]": { id: "[SEP]", ids: [3], tokens: ["[SEP]"] }
  }
}

const open = (json: unknown) => WordPieces.ofTokenizerJson(json, { lowerCase: true })

const withTokens = (...tokens: ReadonlyArray<object>) => ({
  ...old,
  added_tokens: [...old.added_tokens, ...tokens.map((token) => ({ ...special("", 11), special: false, ...token }))]
})

describe("TokenizerJson", () => {
  it("a file without the kind of its model, as bert-base-uncased has, is one of word pieces; all versions are one", () => {
    const files = [
      old,
      { ...old, post_processor: template },
      { ...old, model: { type: "WordPiece", ...old.model } },
      { ...old, post_processor: { ...template, special_tokens: {} } }
    ]
    for (const words of files.map(open)) {
      const ids = ["hello worlds!", "Hello [MASK] $T$ World", "[mask] hello"].map((text) => words.encode(text).ids)
      assert.deepStrictEqual(ids, [
        [2, 5, 6, 7, 8, 3],
        [2, 5, 4, 1, 1, 1, 6, 3],
        [2, 1, 1, 1, 5, 3]
      ])
      assert.deepStrictEqual(words.encode("hello", { pair: "world" }).types, [0, 0, 0, 1, 1])
      assert.deepStrictEqual(words.settings, open(old).settings)
    }
  })

  it("added tokens are found in texts; those that are special alone are left out of decoded ones", () => {
    const words = open(withTokens({ id: 11, content: "$T$" }, { id: 12, content: "<user>", special: true }))
    const { ids } = words.encode("hello$T$<user>world")
    assert.deepStrictEqual(ids, [2, 5, 11, 12, 6, 3])
    assert.strictEqual(words.decode(ids), "hello $T$ world")
    assert.strictEqual(words.size, 13)
    assert.deepStrictEqual([...words.special.keys()], [...TokenizerJson.SPECIAL, "<user>"])
  })

  it("refuses what it could not do as the tokenizers do, and says why", () => {
    const model = (change: object) => ({ ...old, model: { ...old.model, ...change } })
    const post = (post_processor: unknown) => ({ ...old, post_processor })
    const cases: ReadonlyArray<readonly [unknown, string]> = [
      [model({ type: "BPE" }), `["model"]["type"]`],
      [model({ merges: ["h e"] }), `["model"]["merges"]`],
      [model({ continuing_subword_prefix: undefined }), `["continuing_subword_prefix"]`],
      [model({ vocab: { ...old.model.vocab, hello: -1 } }), `["vocab"]["hello"]`],
      [{ ...old, normalizer: null }, `["normalizer"]`],
      [{ ...old, pre_tokenizer: { type: "Whitespace" } }, `["pre_tokenizer"]["type"]`],
      [post(null), `["post_processor"]`],
      [post({ type: "RobertaProcessing", sep: ["</s>", 3], cls: ["<s>", 2] }), `["post_processor"]["type"]`],
      [post({ ...old.post_processor, cls: ["<s>", 2] }), "post_processor is not [CLS] A [SEP] B [SEP]"],
      [post({ ...old.post_processor, cls: ["[CLS]", 102] }), "puts 102 for [CLS], which is 2"],
      [post({ type: "TemplateProcessing" }), "post_processor is not [CLS] A [SEP] B [SEP]"],
      [post({ ...template, pair: single }), "post_processor is not [CLS] A [SEP] B [SEP]"],
      [post({ ...template, special_tokens: { "[SEP]": { ids: [3, 3] } } }), "puts 3, 3 for [SEP], which is 3"],
      [withTokens({ id: 50, content: "$T$" }), `"$T$" has the id 50, and by the vocabulary it is 11`],
      [withTokens({ id: 11, content: "hello" }), `"hello" has the id 11, and by the vocabulary it is 5`],
      [withTokens({ content: "" }), `the added token "" is nothing`],
      [withTokens({ content: "\u0301", normalized: true }), "is nothing once it is normalized"],
      [
        withTokens({ content: "Foo", normalized: true }, { id: 12, content: "foo", normalized: true }),
        `"foo" cannot be told from "Foo"`
      ],
      [withTokens({ content: "x" }, { id: 12, content: "x", lstrip: true }), `"x" cannot be told from "x"`],
      [{ ...old, added_tokens: old.added_tokens.slice(1) }, "it has no [PAD]"],
      [[], "not a BERT tokenizer"]
    ]
    for (const [json, problem] of cases) {
      try {
        open(json)
        assert.fail(`it is taken: ${problem}`)
      } catch (error) {
        assert.instanceOf(error, TokenizerJson.MalformedVocabulary)
        assert.include((error as Error).message, problem)
      }
    }
  })
})
