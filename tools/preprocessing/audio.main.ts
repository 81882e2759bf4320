/**
 * `npm run parity-audio -- FOLDER`: reads, resamples and transforms the wav files of a folder that
 * `tools/reference/audio.py sweep` wrote, and prints the worst deviation of each kind from librosa's results and, by kinds
 * of sound, of resampling. Exit code 1 where a bar is missed.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Wav } from "@igm/media"
import { Safetensors } from "@igm/tensor"
import { Console, Effect, FileSystem } from "effect"
import { join } from "node:path"
import { type Deviation, deviations } from "../../packages/media/test/parity/audio.ts"

const folder = process.argv[2]

const isRatio = ({ what }: Deviation) => what.endsWith("dB")
const show = (of: Deviation) => (isRatio(of) ? of.value.toFixed(1) : of.value.toExponential(1))

/** The worst of some deviations of one kind. */
const worst = (of: ReadonlyArray<Deviation>): Deviation =>
  of.reduce((a, b) => (isRatio(a) === a.value < b.value ? a : b))

const program = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  if (folder === undefined) return yield* Effect.die("usage: npm run parity-audio -- FOLDER")
  const { tensors, metadata } = Safetensors.decode(yield* fs.readFile(join(folder, "reference.safetensors")))
  const files = Object.entries(metadata).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const all: Array<Deviation & { readonly about: string }> = []
  const start = performance.now()
  for (const [name, about] of files) {
    const sound = yield* Wav.read(join(folder, `${name}.wav`))
    all.push(...deviations(name, sound, tensors).map((deviation) => ({ ...deviation, about: `${name}: ${about}` })))
  }
  yield* Console.log(
    `${files.length} files, ${((performance.now() - start) / 1000).toFixed(1)} s; the worst of each kind:`
  )
  for (const [what, some] of Map.groupBy(all, ({ what }) => what)) {
    const missed = some.filter(({ holds }) => !holds)
    const extreme = worst(some) as (typeof all)[number]
    yield* Console.log(
      `  ${what}: ${show(extreme)} (${extreme.about}), ${missed.length} of ${some.length} miss the bar`
    )
    if (missed.length > 0) process.exitCode = 1
  }
  const resampled = all.filter(({ what }) => what.includes("signal to error") && what.startsWith("at "))
  yield* Console.log("resampling, the least signal to error in dB by kind of sound:")
  for (const [kind, some] of Map.groupBy(resampled, ({ about }) => about.split(/: |,/)[1]!)) {
    yield* Console.log(`  ${kind}: ${show(worst(some))}`)
  }
})

await Effect.runPromise(program.pipe(Effect.provide(NodeServices.layer)))
