import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Schema } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import sharp from "sharp"
import { fileURLToPath } from "node:url"
import { Left } from "./left.ts"
import { golden } from "./media.ts"

const child = fileURLToPath(new URL("./decoder.child.ts", import.meta.url))

const Seen = Schema.fromJsonString(Schema.Struct({ before: Left, open: Left, early: Left, late: Left }))

describe("MediaDecoder", () => {
  it.live(
    "fifty that were opened, used and closed leave no process, thread, handle or file, and no memory",
    (context) =>
      Effect.gen(function* () {
        if (process.platform !== "linux") return context.skip("what is left is read from /proc")
        const fs = yield* FileSystem.FileSystem
        const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
        const [folder, temporary] = [yield* fs.makeTempDirectoryScoped(), yield* fs.makeTempDirectoryScoped()]
        yield* fs.writeFile(`${folder}/a.mp3`, golden("sound/a.mp3").data as Uint8Array)
        yield* fs.writeFile(`${folder}/a.mp4`, golden("film/h264.mp4").data as Uint8Array)
        const size = { width: 40, height: 30, channels: 3, background: "teal" } as const
        yield* Effect.promise(() => sharp({ create: size }).jpeg().toFile(`${folder}/a.jpg`))
        const args = ["--expose-gc", "--disable-warning=ExperimentalWarning", child, folder, "50"]
        const options = { env: { TMPDIR: temporary }, extendEnv: true }
        const said = yield* spawner.string(ChildProcess.make(process.execPath, args, options))
        const { before, open, early, late } = yield* Schema.decodeEffect(Seen)(said)
        // What is measured is seen while it is there.
        assert.isAbove(open.children, before.children)
        assert.isAbove(open.threads, before.threads)
        assert.isAbove(open.descriptors, before.descriptors)
        for (const kind of ["children", "descriptors", "resources", "files"] as const) {
          assert.strictEqual(late[kind], before[kind], kind)
        }
        // Node starts the four of its own pool when they are first needed; a thread left by each would be many more.
        assert.isAtMost(late.threads, early.threads + 4, "threads")
        assert.isAtMost(late.bytes, 1.05 * early.bytes)
        assert.isAtMost(late.rss, 1.05 * early.rss)
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    180_000
  )
})
