/** The same program without the command: layers say where it runs. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { EncoderRuntime } from "@igm/encoders"
import { Experiment, RunStore } from "@igm/experiment"
import { Progress } from "@igm/io"
import { MediaDecoder } from "@igm/media"
import { HeadTrainer } from "@igm/training"
import { Effect, Layer } from "effect"
import program from "./experiment.ts"

const layers = Layer.mergeAll(
  RunStore.layer("runs"),
  EncoderRuntime.layer("cpu"),
  HeadTrainer.layer({ engine: "onnx", device: "cpu" }),
  MediaDecoder.layer,
  Progress.layer
).pipe(Layer.provideMerge(NodeServices.layer))

Experiment.run(program, { methods: ["igm", "late"] }).pipe(Effect.provide(layers), NodeRuntime.runMain)
