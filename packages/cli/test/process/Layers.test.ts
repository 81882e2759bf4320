/** The end of layers: whoever runs many experiments in one process has nothing of the earlier ones beside the last. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Schema } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { fileURLToPath } from "node:url"
import { Left } from "../../../media/test/left.ts"

const child = fileURLToPath(new URL("./layers.child.ts", import.meta.url))

const Seen = Schema.fromJsonString(Schema.Struct({ before: Left, early: Left, late: Left }))

describe("The layers of a run", () => {
  it.live("opened and closed fifty times, leave no process, thread, handle or file, and no memory", (context) =>
    Effect.gen(function* () {
      if (process.platform !== "linux") return context.skip("what is left is read from /proc")
      const fs = yield* FileSystem.FileSystem
      const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
      const [folder, temporary] = [yield* fs.makeTempDirectoryScoped(), yield* fs.makeTempDirectoryScoped()]
      const args = ["--expose-gc", "--disable-warning=ExperimentalWarning", child, folder, "50"]
      const options = { env: { TMPDIR: temporary }, extendEnv: true }
      const { before, early, late } = yield* Schema.decodeEffect(Seen)(
        yield* spawner.string(ChildProcess.make(process.execPath, args, options))
      )
      for (const kind of ["children", "descriptors", "resources", "files"] as const) {
        assert.strictEqual(late[kind], before[kind], kind)
      }
      // Node starts the four of its own pool when they are first needed; a thread left by each would be many more.
      assert.isAtMost(late.threads, early.threads + 4, "threads")
      assert.isAtMost(late.bytes, 1.05 * early.bytes, "reachable bytes")
      assert.isAtMost(late.rss, 1.05 * early.rss, "resident bytes")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
