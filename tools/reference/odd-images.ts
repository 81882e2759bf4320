/**
 * Prints what becomes of images of rare kinds, for a folder that `odd_images.py` wrote: whether their pixels are PIL's, they are
 * refused, or are other pixels, which is an error.
 *
 *     npm run parity-odd-images -- FOLDER [--all]
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, FileSystem } from "effect"
import { join } from "node:path"
import { Picture } from "../../packages/media/src/index.ts"

const [folder, all] = process.argv.slice(2)

type Expected = { readonly error: string } | { readonly width: number; readonly height: number }

const largest = (ours: Uint8Array, theirs: Uint8Array): number =>
  ours.reduce((worst, value, i) => Math.max(worst, Math.abs(value - theirs[i]!)), 0)

const program = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  if (folder === undefined || !(yield* fs.exists(folder))) {
    return yield* Console.log("Skipped: no such folder. Make one with tools/reference/odd_images.py FOLDER.")
  }
  const counts = new Map<string, number>()
  for (const row of (yield* fs.readDirectory(folder)).filter((name) => name.endsWith(".json")).toSorted()) {
    const name = row.slice(0, -".json".length)
    const expected = JSON.parse(yield* fs.readFileString(join(folder, row))) as Record<"plain" | "orient", Expected>
    const bytes = yield* fs.readFile(join(folder, name))
    for (const how of ["plain", "orient"] as const) {
      const result = yield* Effect.result(Picture.decode(name, bytes, { orient: how === "orient" }))
      const theirs = expected[how]
      let outcome: string
      if (result._tag === "Failure") {
        outcome = "error" in theirs ? "refused by both" : "refused, read by PIL"
        if ("error" in theirs ? all === "--both" : all !== undefined)
          yield* Console.log(`${outcome}: ${how} ${result.failure.message}`)
      } else if ("error" in theirs) {
        outcome = "READ, refused by PIL"
        if (all !== undefined) yield* Console.log(`${outcome}: ${how} ${name}: ${theirs.error}`)
      } else {
        const { width, height, data } = result.success
        const same = width === theirs.width && height === theirs.height
        const worst = same ? largest(data, yield* fs.readFile(join(folder, `${name}.${how}`))) : Infinity
        outcome = worst === 0 ? "equal" : "DIFFERENT"
        if (worst > 0) yield* Console.log(`${outcome}: ${how} ${name}: by ${worst}`)
      }
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
    }
  }
  for (const [outcome, count] of counts) yield* Console.log(`${String(count).padStart(6)}  ${outcome}`)
  if ((counts.get("DIFFERENT") ?? 0) > 0 || counts.size === 0) process.exitCode = 1
})

await Effect.runPromise(program.pipe(Effect.provide(NodeServices.layer)))
