/**
 * A replay that finds a planted change: a copy of the experiment is run and replays bit by bit; then one number of its text
 * is changed, and the replay names it, and where the two trainings part.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import { Progress } from "@igm/io"
import { MediaDecoder } from "@igm/media"
import { Effect, FileSystem, Layer } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { TestConsole } from "effect/testing"
import { fileURLToPath } from "node:url"
import * as Cli from "../../packages/cli/src/Cli.ts"

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

const igm = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const node = ["--disable-warning=ExperimentalWarning", here("../../packages/cli/src/bin.ts")]
  return yield* spawner.string(ChildProcess.make(process.execPath, [...node, ...args]))
})

/** The command in this process. */
const inProcess = (...args: ReadonlyArray<string>) =>
  Cli.igm(args).pipe(Effect.provide(Layer.merge(Progress.layerSilent, MediaDecoder.layer)), Effect.scoped)

describe("igm replay", () => {
  it.effect("names what was changed in the program, and the first step that it changes", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const [program, out] = [`${folder}/experiment.ts`, `${folder}/runs`]
      yield* fs.symlink(here("../../node_modules"), `${folder}/node_modules`)
      const text = yield* fs.readFileString(here("./experiment.ts"))
      yield* fs.writeFileString(program, text)
      yield* inProcess("run", program, "--out", out, "--trace", "step", "--no-check")
      const run = `${out}/${(yield* fs.readDirectory(out)).find((name) => name.startsWith("replay-"))}`

      yield* inProcess("replay", run)
      expect((yield* TestConsole.logLines).at(-1)).toContain("replays bit by bit")

      yield* fs.writeFileString(program, text.replace("tau: 0.4", "tau: 0.41"))
      // What is changed is seen by another process.
      const said = yield* igm("replay", run, "--from", "training")
      expect(said).toContain("does not replay: training differs first (train IGM (paper), seed 1)")
      expect(said).toContain("modification.tau: 0.4, replayed 0.41")
      // The first turn has nobody before it, and P = I: τ counts from the first step of the second turn on.
      expect(said).toContain("epoch 3 (turn 2, head image), step 1: image.W1")
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
