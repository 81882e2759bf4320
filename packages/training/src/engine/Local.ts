/** Opens engines in this thread, by name. */
import { OnnxRuntime } from "@igm/onnx"
import { Context, Effect, Layer, type Scope } from "effect"
import { type Engine, EngineError, type EngineInfo } from "./Engine.ts"
import * as OnnxProgram from "../onnx/OnnxProgram.ts"
import * as Reference from "./Reference.ts"

/** An engine and its device. */
export type Choice =
  | { readonly engine: "onnx"; readonly device: "cpu" | "cuda" | "webgpu" }
  | { readonly engine: "tfjs"; readonly device: "cpu" | "wasm" | "webgpu" | "node" | "node-gpu" }
  | { readonly engine: "reference"; readonly device: "cpu" }

/** The info of an engine that is known without opening it: the CPU is always available. Undefined for other choices. */
export const known = (choice: Choice): Effect.Effect<EngineInfo | undefined> =>
  choice.engine === "onnx" && choice.device === "cpu"
    ? Layer.build(OnnxRuntime.layerCpu).pipe(
        Effect.map((context) => OnnxProgram.infoOf(Context.get(context, OnnxRuntime))),
        Effect.scoped
      )
    : Effect.undefined

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
  return Effect.promise(() => import("../tfjs/Tfjs.ts")).pipe(
    Effect.flatMap(({ engine }) => engine({ backend: choice.device }))
  )
}
