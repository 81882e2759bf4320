/** Engines of this thread, by name. */
import { OnnxRuntime } from "@igm/onnx"
import { Effect, Layer, type Scope } from "effect"
import { type Engine, EngineError } from "./Engine.ts"
import * as OnnxProgram from "./OnnxProgram.ts"
import * as Reference from "./Reference.ts"

/** An engine and its device. */
export type Choice =
  | { readonly engine: "onnx"; readonly device: "cpu" | "cuda" | "webgpu" }
  | { readonly engine: "tfjs"; readonly device: "cpu" | "wasm" | "webgpu" | "node" | "node-gpu" }
  | { readonly engine: "reference"; readonly device: "cpu" }

/** Opens the chosen engine, and no other. */
export const open = (choice: Choice): Effect.Effect<Engine, EngineError, Scope.Scope> => {
  if (choice.engine === "reference") return Effect.succeed(Reference.engine)
  if (choice.engine === "onnx") {
    return Layer.build(OnnxRuntime.layer(choice.device)).pipe(
      Effect.flatMap((context) => Effect.provide(OnnxProgram.engine, context)),
      Effect.mapError(
        (cause) =>
          new EngineError({ engine: `onnx (${choice.device})`, program: "opening", problem: cause.problem, cause })
      )
    )
  }
  return Effect.promise(() => import("./Tfjs.ts")).pipe(
    Effect.flatMap(({ engine }) => engine({ backend: choice.device }))
  )
}
