import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { ArtifactStore, Progress } from "@igm/io"
import { Effect, Fiber, FileSystem, Layer, Schedule } from "effect"
import { readFileSync, readdirSync } from "node:fs"
import { Synthesizer, VoiceSettings } from "../src/index.ts"

/** The synthesizer's processes that this one has started and that still run. */
const speaking = Effect.sync(() =>
  readdirSync("/proc/self/task")
    .flatMap((task) => readFileSync(`/proc/self/task/${task}/children`, "utf8").match(/\d+/g) ?? [])
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("flite.process")
      } catch {
        return false
      }
    })
)

describe("Synthesizer", () => {
  it.live("speech that is interrupted leaves no process", (context) =>
    Effect.gen(function* () {
      if (process.platform !== "linux") return context.skip("processes are read from /proc")
      const fs = yield* FileSystem.FileSystem
      const store = ArtifactStore.layer(yield* fs.makeTempDirectoryScoped())
      const speak = Synthesizer.speak(VoiceSettings.forHeads.slice(0, 4)).pipe(
        Effect.provide(Layer.merge(store, Progress.layerSilent))
      )
      const fiber = yield* Effect.forkChild(speak)
      yield* speaking.pipe(
        Effect.filterOrFail((pids) => pids.length > 0),
        Effect.retry(Schedule.spaced("10 millis"))
      )
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* speaking, [])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
