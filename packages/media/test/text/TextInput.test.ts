import { assert, describe, it } from "@effect/vitest"
import { Digest } from "@igm/tensor"
import { Effect, FileSystem } from "effect"
import { readFileSync } from "node:fs"
import { environment } from "../environment.ts"
import { TextInput } from "../../src/index.ts"

const golden = JSON.parse(readFileSync(new URL("../golden/captions.json", import.meta.url), "utf8")) as ReadonlyArray<{
  readonly text: string
  readonly letters: string
  readonly caption: string
}>

const WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] the t left plain early".split(" ")

const vocabulary = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const file = `${yield* fs.makeTempDirectoryScoped()}/vocab.txt`
  const bytes = new TextEncoder().encode(WORDS.join("\n"))
  yield* fs.writeFile(file, bytes)
  return { file, digest: Digest.ofBytes(bytes) }
})

describe("TextInput", () => {
  it("keeps the words that the released code keeps, of any characters", () => {
    for (const { text, letters, caption } of golden) {
      assert.strictEqual(TextInput.cleaned(text, { rule: "letters", words: 50 }), letters, JSON.stringify(text))
      assert.strictEqual(TextInput.cleaned(text, { rule: "caption", words: 30 }), caption, JSON.stringify(text))
    }
    assert.strictEqual(TextInput.cleaned("It's #1", { rule: "everything", words: 1 }), "It's #1")
  })

  it.effect("a text becomes ids with [CLS] and [SEP], and a mask as long; a marker for the target is the word t", () =>
    Effect.gen(function* () {
      const { load } = TextInput.twitter15(yield* vocabulary)
      const { ids, mask } = (yield* load({ path: "x", text: "The $T$ left, plain & 123 early!" })) as {
        readonly [name: string]: { readonly data: BigInt64Array }
      }
      const said = Array.from(ids!.data, (id) => WORDS[Number(id)])
      assert.deepStrictEqual(said, ["[CLS]", "the", "t", "left", "plain", "early", "[SEP]"])
      assert.deepStrictEqual(
        mask!.data,
        BigInt64Array.from(said, () => 1n)
      )
    }).pipe(Effect.scoped, Effect.provide(environment))
  )

  it.effect("another vocabulary than the pinned one is an error, and so is a sample without a text", () =>
    Effect.gen(function* () {
      const { file, digest } = yield* vocabulary
      const other = TextInput.twitter15({ file, digest: Digest.ofBytes(new Uint8Array()) })
      assert.include((yield* Effect.flip(other.load({ path: "x", text: "a" }))).message, "as pinned")
      const none = yield* Effect.flip(TextInput.twitter15({ file, digest }).load({ path: "x.tsv" }))
      assert.strictEqual(none.message, "x.tsv: there is no text in it for this sample")
    }).pipe(Effect.scoped, Effect.provide(environment))
  )
})
