/** A small experiment and the environment of a command, for tests from files to report. */
import { NodeServices } from "@effect/platform-node"
import { Wav } from "@igm/datasets"
import { Progress } from "@igm/io"
import { Keyed } from "@igm/tensor"
import { Effect, FileSystem, Layer, Path } from "effect"
import { Command } from "effect/cli"
import { fileURLToPath } from "node:url"
import { cli } from "../src/Cli.ts"

export const program = fileURLToPath(new URL("./small.experiment.ts", import.meta.url))

export const layer = Progress.layerSilent.pipe(Layer.provideMerge(NodeServices.layer))

/** The command, without a process. */
export const igm = (...args: ReadonlyArray<string>) => Command.runWith(cli, { version: "test" })(args)

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
