/** A small experiment and the environment of a command, for tests from files to report. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { MediaDecoder, Wav } from "@igm/media"
import { Progress } from "@igm/io"
import { Keyed } from "@igm/tensor"
import { Console, Context, Effect, FileSystem, Layer, Path } from "effect"
import { TestConsole } from "effect/testing"
import { fileURLToPath } from "node:url"
import * as Cli from "../src/Cli.ts"

export const program = fileURLToPath(new URL("./small.experiment.ts", import.meta.url))

export const layer = Layer.merge(Progress.layerSilent, MediaDecoder.layer).pipe(Layer.provideMerge(NodeServices.layer))

/** The command, without a process. */
export const igm = (...args: ReadonlyArray<string>) => Cli.igm(args)

/** A folder of recordings by five speakers: a tone for each digit, different takes in noise. */
export const recordings = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = yield* fs.makeTempDirectoryScoped()
  for (const speaker of ["ann", "bob", "cid", "george"]) {
    for (let digit = 0; digit < 10; digit++) {
      for (let take = 0; take < 2; take++) {
        const stream = Keyed.stream([speaker, digit, take])
        const samples = Float32Array.from(
          { length: 3000 },
          (_, i) => 0.5 * Math.sin(i * (0.2 + 0.2 * digit)) + 0.05 * Keyed.normal(stream)
        )
        yield* fs.writeFile(path.join(folder, `${digit}_${speaker}_${take}.wav`), Wav.encode({ rate: 8000, samples }))
      }
    }
  }
  return folder
})

/** For layers that run something, which takes its time on a machine that does much else. */
export const SLOWLY = { timeout: "5 minutes" } as const

/** A finished run that the tests of a file share, and what was printed; each test has a copy of it and its store. */
export class Recorded extends Context.Service<
  Recorded,
  { readonly out: string; readonly args: ReadonlyArray<string>; readonly printed: string }
>()("@igm/cli/test/Recorded") {
  /** Runs the command with arguments, but for `--out`. */
  static readonly layer = <E, R>(given: Effect.Effect<ReadonlyArray<string>, E, R>) =>
    Layer.effect(
      Recorded,
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const out = `${yield* fs.makeTempDirectoryScoped()}/runs`
        const args = yield* given
        const console = yield* TestConsole.make
        yield* igm(...args, "--out", out).pipe(Effect.provideService(Console.Console, console))
        return { out, args, printed: (yield* console.logLines).map(String).join("\n") }
      })
    ).pipe(Layer.provideMerge(layer))

  /** A copy in a folder for runs of its own, and the command that makes the run there. */
  static readonly copy = Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const { out: own, args } = yield* Recorded
    const out = `${yield* fs.makeTempDirectoryScoped()}/runs`
    yield* fs.copy(own, out)
    const id = (yield* fs.readDirectory(out)).find((name) => !name.startsWith("."))!
    return { out, id, folder: `${out}/${id}`, run: igm(...args, "--out", out) }
  })
}
