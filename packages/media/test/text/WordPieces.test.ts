import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Path, Schema } from "effect"
import { readFileSync } from "node:fs"
import { agrees, type Case, encodingOf, type Expected } from "../parity/words.ts"
import { WordPieces } from "../../src/index.ts"

const golden = (name: string) => readFileSync(new URL(`../golden/${name}`, import.meta.url), "utf8")

type Golden = Case & { readonly uncased: Expected; readonly cased: Expected }

const vocabulary = golden("word-pieces.txt")
const cases = golden("word-pieces.jsonl")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Golden)
const uncased = WordPieces.ofVocabulary(vocabulary, { lowerCase: true })
const cased = WordPieces.ofVocabulary(vocabulary, { lowerCase: false })
const special = (token: string) => uncased.special.get(token)!

const small = (pieces: ReadonlyArray<string>, lowerCase = true) =>
  WordPieces.ofVocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...pieces].join("\n"), { lowerCase })

/** The pieces of a text, without [CLS] and [SEP]. */
const pieces = (text: string, of: ReadonlyArray<string>, lowerCase = true) =>
  small(of, lowerCase)
    .encode(text)
    .ids.slice(1, -1)
    .map((id) => (id === 1 ? "[UNK]" : id < 5 ? "special" : of[id - 5]))

const Fragment = Schema.Literals(cases.map(({ text }) => text).filter((text) => text.length < 40))
const Text = Schema.Array(Fragment).check(Schema.isMaxLength(8))
const Length = Schema.Int.check(Schema.isBetween({ minimum: 3, maximum: 24 }))
const Words = Schema.Array(Schema.Literals(["the", "fox", "foxes", "jump", "jumped", "jumping", "run", "42"])).check(
  Schema.isMinLength(1),
  Schema.isMaxLength(12)
)

describe("WordPieces", () => {
  it("gives the ids and types of BertTokenizer", () => {
    assert.isAbove(cases.length, 300)
    for (const of of cases) {
      assert.isTrue(agrees(uncased, of, of.uncased), `uncased: ${JSON.stringify(of)}`)
      assert.isTrue(agrees(cased, of, of.cased), `cased: ${JSON.stringify(of)}`)
    }
  })

  it("gives the ids of tokenizers that have other tokens added, with or without a named model, and BertProcessing", () => {
    const tokenizers = golden("added-tokens.jsonl")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { name: string; tokenizer: object; cases: ReadonlyArray<Case & Expected> })
    assert.lengthOf(tokenizers, 8)
    for (const { name, tokenizer, cases } of tokenizers) {
      const words = WordPieces.ofTokenizerJson(tokenizer, { lowerCase: name.startsWith("added") })
      assert.isAtLeast(cases.length, 30)
      for (const of of cases) assert.isTrue(agrees(words, of, of), `${name}: ${JSON.stringify(of)}`)
    }
  })

  it.prop("ids are of the vocabulary, between [CLS] and [SEP]", { text: Text }, ({ text }) => {
    const { ids, types } = uncased.encode(text.join(""))
    assert.isTrue(ids.every((id) => Number.isInteger(id) && id >= 0 && id < uncased.size))
    assert.deepStrictEqual([ids[0], ids.at(-1)], [special("[CLS]"), special("[SEP]")])
    assert.isTrue(types.length === ids.length && types.every((type) => type === 0))
  })

  it.prop("cutting keeps [SEP] and the beginning", { text: Text, length: Length }, ({ text, length }) => {
    const whole = uncased.encode(text.join("")).ids
    const { ids } = uncased.encode(text.join(""), { length })
    assert.isAtMost(ids.length, length)
    assert.strictEqual(ids.at(-1), special("[SEP]"))
    assert.strictEqual(ids.length, Math.min(whole.length, length))
    assert.deepStrictEqual(ids.slice(0, -1), whole.slice(0, ids.length - 1))
  })

  it.prop(
    "a pair is both texts, the longer one cut first",
    { a: Text, b: Text, length: Length },
    ({ a, b, length }) => {
      const [first, second] = [a, b].map((text) => uncased.encode(text.join("")).ids.slice(1, -1))
      const { ids, types } = uncased.encode(a.join(""), { pair: b.join(""), length })
      const share = types.filter((type) => type === 1).length - 1
      const rest = ids.length - share - 3
      const [cls, sep] = [special("[CLS]"), special("[SEP]")]
      if (b.join("") === "") return
      assert.deepStrictEqual(ids, [cls, ...first!.slice(0, rest), sep, ...second!.slice(0, share), sep])
      assert.isAtMost(ids.length, length)
      const dropped = first!.length - rest + second!.length - share
      if (dropped > 0) assert.strictEqual(ids.length, length)
      if (rest < first!.length) assert.isAtLeast(rest, share - 1)
      if (share < second!.length) assert.isAtLeast(share, rest - 1)
    }
  )

  it.prop("padding changes no id and is masked", { texts: Schema.Array(Text), extra: Length }, ({ texts, extra }) => {
    const encodings = ["a", ...texts.map((text) => text.join(""))].map((text) => uncased.encode(text))
    const longest = Math.max(...encodings.map(({ ids }) => ids.length))
    for (const length of [undefined, longest + extra]) {
      const { input_ids, attention_mask, token_type_ids } = uncased.batch(encodings, length)
      const width = length ?? longest
      for (const tensor of [input_ids, attention_mask, token_type_ids]) {
        assert.deepStrictEqual(tensor.shape, [encodings.length, width])
      }
      encodings.forEach(({ ids }, row) => {
        const of = ({ data }: { readonly data: BigInt64Array }) =>
          Array.from(data.subarray(row * width, (row + 1) * width), Number)
        const padding = Array.from({ length: width - ids.length }, () => special("[PAD]"))
        assert.deepStrictEqual(of(input_ids), [...ids, ...padding])
        assert.deepStrictEqual(of(attention_mask), [...ids.map(() => 1), ...padding.map(() => 0)])
        assert.isTrue(of(token_type_ids).every((type) => type === 0))
      })
    }
  })

  it.prop("plain words come back", { words: Words }, ({ words }) => {
    const of = small(["the", "fox", "##es", "jump", "##ed", "##ing", "run", "42"])
    const text = words.join(" ")
    const { ids } = of.encode(text)
    assert.strictEqual(of.decode(ids), text)
    assert.deepStrictEqual(of.encode(of.decode(ids)).ids, ids)
  })

  it("a pair's second text and last [SEP] have type 1, in batches too", () => {
    const words = small(["a", "b"])
    const encodings = [words.encode("a b", { pair: "b" }), words.encode("a")]
    assert.deepStrictEqual(encodings[0], { ids: [2, 5, 6, 3, 6, 3], types: [0, 0, 0, 0, 1, 1] })
    assert.deepStrictEqual(words.encode("a", { pair: "" }), encodings[1])
    const types = words.batch(encodings).token_type_ids
    assert.deepStrictEqual(Array.from(types.data, Number), [0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0])
  })

  it("of two texts of one length, the second keeps more of an odd room", () => {
    assert.deepStrictEqual(small(["a", "b"]).encode("a a", { pair: "b b", length: 6 }).ids, [2, 5, 3, 6, 6, 3])
  })

  it("lower-cases and strips accents as BERT does, not as JavaScript would", () => {
    assert.deepStrictEqual(pieces("ΑΣ Éa İ", ["α", "##σ", "##ς", "ea", "i"]), ["α", "##σ", "ea", "i"])
    assert.deepStrictEqual(pieces("Straße", ["strasse", "straße"]), ["straße"])
    assert.deepStrictEqual(pieces("Éa", ["éa", "Éa", "Ea"], false), ["Éa"])
    assert.deepStrictEqual(pieces("a\u00adb\u200d\u0000\ufffd\ud800c", ["abc"]), ["abc"])
    assert.deepStrictEqual(pieces("a漢𠀀b", ["a", "b", "漢", "𠀀"]), ["a", "漢", "𠀀", "b"])
  })

  it("special tokens in a text are themselves, but not what cleaning makes of others", () => {
    const { ids } = small(["[", "]", "cls"]).encode("[MASK] [cls]")
    assert.deepStrictEqual(ids, [2, 4, 5, 7, 6, 3])
    assert.deepStrictEqual(pieces("[C\u00adLS]", ["[", "CLS", "]"], false), ["[", "CLS", "]"])
  })

  it("a word of more than 100 characters is unknown", () => {
    const of = ["a", "##a"]
    assert.strictEqual(pieces("a".repeat(100), of).length, 100)
    assert.deepStrictEqual(pieces("a".repeat(101), of), ["[UNK]"])
    assert.deepStrictEqual(pieces("a".repeat(10_240), of), ["[UNK]"])
  })

  it("a length without room for [CLS] and [SEP], or a batch too narrow or empty, is an error", () => {
    assert.deepStrictEqual(encodingOf(uncased, { text: "a", pair: null, length: 2 }).ids.length, 2)
    assert.throws(() => uncased.encode("a", { length: 1 }), RangeError)
    assert.throws(() => uncased.encode("a", { pair: "b", length: 2 }), RangeError)
    assert.throws(() => uncased.batch([uncased.encode("a")], 2), RangeError)
    assert.throws(() => uncased.batch([]), RangeError)
  })

  it.effect("opens vocab.txt and tokenizer.json, and says what is wrong with others", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const folder = yield* fs.makeTempDirectoryScoped()
      const file = (name: string) => path.join(folder, name)
      const pieces = vocabulary.trimEnd().split("\n")
      const json = {
        added_tokens: pieces.slice(0, 5).map((content, id) => ({ id, content, special: true, normalized: false })),
        normalizer: {
          type: "BertNormalizer",
          clean_text: true,
          handle_chinese_chars: true,
          strip_accents: null,
          lowercase: false
        },
        pre_tokenizer: { type: "BertPreTokenizer" },
        post_processor: {
          type: "TemplateProcessing",
          single: [
            { SpecialToken: { id: "[CLS]", type_id: 0 } },
            { Sequence: { id: "A", type_id: 0 } },
            { SpecialToken: { id: "[SEP]", type_id: 0 } }
          ],
          pair: [
            { SpecialToken: { id: "[CLS]", type_id: 0 } },
            { Sequence: { id: "A", type_id: 0 } },
            { SpecialToken: { id: "[SEP]", type_id: 0 } },
            { Sequence: { id: "B", type_id: 1 } },
            { SpecialToken: { id: "[SEP]", type_id: 1 } }
          ],
          special_tokens: {}
        },
        model: {
          type: "WordPiece",
          unk_token: "[UNK]",
          continuing_subword_prefix: "##",
          max_input_chars_per_word: 100,
          vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id]))
        }
      }
      const open = Effect.fnUntraced(function* (name: string, contents: string | Uint8Array, lowerCase: boolean) {
        const bytes = typeof contents === "string" ? new TextEncoder().encode(contents) : contents
        yield* fs.writeFile(file(name), bytes)
        return yield* WordPieces.open(file(name), { lowerCase })
      })
      const problem = (name: string, contents: string | Uint8Array, lowerCase = false) =>
        Effect.map(Effect.flip(open(name, contents, lowerCase)), (error) => error.message)
      const lines = yield* open("vocab.txt", vocabulary.replaceAll("\n", "\r\n"), false)
      const tokenizer = yield* open("tokenizer.json", JSON.stringify(json), false)
      for (const words of [lines, tokenizer]) {
        for (const of of cases.slice(0, 100)) assert.isTrue(agrees(words, of, of.cased), of.text)
      }
      assert.include(yield* problem("tokenizer.json", JSON.stringify(json), true), "lowercase: false")
      const bpe = { ...json, model: { ...json.model, type: "BPE" } }
      assert.include(yield* problem("bpe.json", JSON.stringify(bpe)), `${file("bpe.json")}: not a BERT tokenizer`)
      const pair = { ...json, post_processor: { ...json.post_processor, pair: json.post_processor.single } }
      assert.include(yield* problem("pair.json", JSON.stringify(pair)), "post_processor")
      assert.include(yield* problem("words.txt", "the\nfox\n"), "it has no [PAD]")
      assert.include(yield* problem("empty.txt", ""), "it has no [PAD]")
      assert.include(yield* problem("cut.json", "{"), file("cut.json"))
      assert.include(yield* problem("bytes.txt", Uint8Array.of(0xff, 0xfe, 0x41)), file("bytes.txt"))
      const missing = yield* Effect.flip(WordPieces.open(file("none.txt"), { lowerCase: true }))
      assert.strictEqual(missing._tag, "VocabularyError")
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
