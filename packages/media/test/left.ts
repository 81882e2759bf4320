/** Counts processes, handles and files beside this process, and its memory: for tests that close layers and look for leaks. */
import { Effect, Schema } from "effect"
import { readFileSync, readdirSync } from "node:fs"
import { tmpdir } from "node:os"

declare const gc: () => void

/** Numbers of things, and bytes: reachable ones, and all that the process holds. */
export const Left = Schema.Struct({
  children: Schema.Int,
  threads: Schema.Int,
  descriptors: Schema.Int,
  resources: Schema.Int,
  files: Schema.Int,
  bytes: Schema.Int,
  rss: Schema.Int
})

/** Counts what there is; the process is run with --expose-gc. */
export const left = Effect.promise(async () => {
  // Finalizers of what was collected run between two collections.
  for (let i = 0; i < 3; i++) {
    gc()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  const tasks = readdirSync("/proc/self/task")
  return {
    children: tasks.flatMap((task) => readFileSync(`/proc/self/task/${task}/children`, "utf8").match(/\d+/g) ?? [])
      .length,
    threads: tasks.length,
    descriptors: readdirSync("/proc/self/fd").length,
    resources: process.getActiveResourcesInfo().filter((name) => name !== "Timeout").length,
    files: readdirSync(tmpdir()).length,
    bytes: heapUsed + external,
    rss
  }
})

/**
 * Counts before and after more work, which is repeated while the process has grown by a twentieth, three times at most: an
 * allocator takes more at a time than it needs, once or twice; what leaks grows each time.
 */
export const grown = Effect.fnUntraced(function* <E, R>(work: Effect.Effect<void, E, R>) {
  let early = yield* left
  yield* work
  let late = yield* left
  for (let again = 0; again < 3 && late.rss > 1.05 * early.rss; again++) {
    early = late
    yield* work
    late = yield* left
  }
  return { early, late }
})
