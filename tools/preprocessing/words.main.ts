/**
 * `npm run parity-words -- FOLDER`: encodes the strings of a folder that `tools/reference/word_pieces.py sweep` wrote, with
 * each of its tokenizers, from vocab.txt and from tokenizer.json, and prints how many come out otherwise than
 * BertTokenizer's. Exit code 1 where any does.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { WordPieces } from "@igm/media"
import { Console, Effect, FileSystem } from "effect"
import { join } from "node:path"
import { type Case, type Expected, agrees } from "../../packages/media/test/parity/words.ts"

const folder = process.argv[2]

const lines = <A>(text: string): ReadonlyArray<A> =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as A)

/** The tokenizers that a vocab.txt and one word about capitals describe. */
const plain = (name: string) => !/stripped|accented|added/.test(name)

const program = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  if (folder === undefined) return yield* Effect.die("usage: npm run parity-words -- FOLDER")
  const all = lines<Case>(yield* fs.readFileString(join(folder, "cases.jsonl")))
  const found = (yield* fs.readDirectory(folder)).filter((name) => name.endsWith(".ids.jsonl")).toSorted()
  let wrong = 0
  for (const name of found.map((file) => file.replace(".ids.jsonl", ""))) {
    const expected = lines<Expected>(yield* fs.readFileString(join(folder, `${name}.ids.jsonl`)))
    const own = join(folder, `${name}.cases.jsonl`)
    const cases = (yield* fs.exists(own)) ? lines<Case>(yield* fs.readFileString(own)) : all
    const kinds = [...(plain(name) ? ["vocab.txt"] : []), "tokenizer.json"]
    for (const kind of kinds) {
      const words = yield* WordPieces.open(join(folder, `${name}.${kind}`), { lowerCase: !name.startsWith("cased") })
      const start = performance.now()
      const differing = cases.filter((of, i) => !agrees(words, of, expected[i]!))
      const seconds = ((performance.now() - start) / 1000).toFixed(1)
      wrong += differing.length
      yield* Console.log(
        `${name}, ${kind}, ${words.size} pieces: ${differing.length} of ${cases.length} strings differ (${seconds} s)`
      )
      for (const { text } of differing.slice(0, 5)) yield* Console.log(`  ${JSON.stringify(text.slice(0, 200))}`)
    }
  }
  if (wrong > 0 || found.length === 0) process.exitCode = 1
})

await Effect.runPromise(program.pipe(Effect.provide(NodeServices.layer)))
