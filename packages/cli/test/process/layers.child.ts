/**
 * Runs an experiment with all its layers, which open and close with each run, and prints in JSON what there is beside this
 * process: before, after a few runs, and after all. Arguments are a folder and how many runs; it is run with --expose-gc.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { EncoderRuntime } from "@igm/encoders"
import { Experiment, RunStore } from "@igm/experiment"
import { Progress } from "@igm/io"
import { MediaDecoder } from "@igm/media"
import { HeadTrainer } from "@igm/training"
import { Effect, Layer } from "effect"
import { fileURLToPath } from "node:url"
import { grown, left } from "../../../media/test/left.ts"
import own from "../own.experiment.ts"
import tiny from "../tiny.experiment.ts"

const [folder, times] = process.argv.slice(2) as [string, string]

const fileOf = (name: string) => fileURLToPath(new URL(`../${name}.experiment.ts`, import.meta.url))

const layersIn = (out: string) =>
  Layer.mergeAll(
    RunStore.layer(out),
    EncoderRuntime.layer("cpu"),
    HeadTrainer.layer({ engine: "onnx", device: "cpu" }),
    MediaDecoder.layer,
    Progress.layerSilent
  )

/**
 * A run: one in five of the tiny experiment, one in twenty-five with everything made anew, where the others find it in the
 * store; between them the program without encoders and heads.
 */
const once = (i: number) => {
  const layers = layersIn(`${folder}/${Math.floor(i / 25)}`)
  return i % 5 === 0
    ? Effect.asVoid(Effect.provide(Experiment.run(tiny, { seed: 1 }, { file: fileOf("tiny") }), layers))
    : Effect.asVoid(Effect.provide(Experiment.run(own, { seed: 1, scales: [1] }, { file: fileOf("own") }), layers))
}

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
  const { early, late } = yield* grown(many(all / 2 + 1, all + 1))
  return { before, early, late }
})

process.stdout.write(JSON.stringify(await Effect.runPromise(runs.pipe(Effect.provide(NodeServices.layer)))))
