/**
 * Runs an experiment with all its layers, which open and close with each run, and prints in JSON what there is beside this
 * process: before, after a few runs, and after all. Arguments are a folder and how many runs; it is run with --expose-gc.
 */
import { NodeServices } from "@effect/platform-node"
import { EncoderRuntime } from "@igm/encoders"
import { Experiment, RunStore } from "@igm/experiment"
import { Progress } from "@igm/io"
import { MediaDecoder } from "@igm/media"
import { HeadTrainer } from "@igm/training"
import { Effect, Layer } from "effect"
import { fileURLToPath } from "node:url"
import { left } from "../../../media/test/left.ts"
import program from "../tiny.experiment.ts"

const [folder, times] = process.argv.slice(2) as [string, string]

const file = fileURLToPath(new URL("../tiny.experiment.ts", import.meta.url))

const layersIn = (out: string) =>
  Layer.mergeAll(
    RunStore.layer(out),
    EncoderRuntime.layer("cpu"),
    HeadTrainer.layer({ engine: "onnx", device: "cpu" }),
    MediaDecoder.layer,
    Progress.layerSilent
  )

/** A run; one in twenty-five makes everything anew, and the others find it in the store. */
const once = (i: number) =>
  Effect.provide(Experiment.run(program, { seed: 1 }, { file }), layersIn(`${folder}/${Math.floor(i / 25)}`))

const many = (from: number, to: number) =>
  Effect.forEach(
    Array.from({ length: to - from }, (_, i) => from + i),
    once,
    { discard: true }
  )

const runs = Effect.gen(function* () {
  const all = Number(times)
  yield* once(0)
  const before = yield* left
  yield* many(1, all / 2 + 1)
  const early = yield* left
  yield* many(all / 2 + 1, all + 1)
  const late = yield* left
  return { before, early, late }
})

process.stdout.write(JSON.stringify(await Effect.runPromise(runs.pipe(Effect.provide(NodeServices.layer)))))
