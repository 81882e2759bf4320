/** The code in the documents is that of the examples, which are typechecked and run. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { fileURLToPath } from "node:url"

const read = (path: string) =>
  FileSystem.FileSystem.use((fs) => fs.readFileString(fileURLToPath(new URL(`../../${path}`, import.meta.url))))

/** The blocks of TypeScript of a document. */
const blocksOf = (markdown: string) => [...markdown.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code]) => code!)

const sources: ReadonlyArray<readonly [document: string, example: string, blocks: number]> = [
  ["docs/own-stage.md", "examples/norms/experiment.ts", 5],
  ["docs/concepts.md", "examples/norms/experiment.ts", 2],
  ["README.md", "examples/av-digits/experiment.ts", 1]
]

describe("the documents' code", () => {
  for (const [document, example, count] of sources) {
    it.effect(`${document} shows ${example} as it is`, () =>
      Effect.gen(function* () {
        const [text, code] = yield* Effect.all([read(document), read(example)])
        const blocks = blocksOf(text).slice(0, count)
        assert.lengthOf(blocks, count)
        for (const block of blocks) assert.include(code, block)
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }
})
