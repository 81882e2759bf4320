/**
 * The interface of engines, which run programs on a device. A block is n steps of one program from (state, inputs,
 * draws) to (state, traces): any partition of steps into blocks gives the same bits. A map is a program without a loop.
 * Programs and tensors are plain data, so an engine may live in another thread.
 */
import type { Method, Ops } from "@igm/gradient"
import type { Tensor } from "@igm/tensor"
import { type Effect, Schema } from "effect"
import type { Program } from "./Program.ts"

/** Host tensors by name. */
export type HostTensors = Ops.Named<Method.HostTensor>

/**
 * The input of a block. Several heads of one shape are stepped at once if the state, and every input that differs
 * between heads, has a leading axis (heads × …). Tables, from which reads gather rows, have no such axis.
 */
export interface BlockInput {
  readonly state: HostTensors
  readonly inputs: Ops.Named<Tensor.Tensor>
  readonly draws: Method.Draws
  /** True to compute fingerprints of the state after every step; false by default. */
  readonly traced?: boolean
}

/** The output of a block; a trace holds one number for each step, or for each step and head. */
export interface BlockOutput {
  readonly state: HostTensors
  readonly trace: Ops.Named<Float64Array>
  /** For a traced block: fingerprints of each tensor of the state, one number for each step. */
  readonly fingerprints?: Ops.Named<Float64Array>
}

/** A program that an engine could not run, or a device that is not available, with advice on what to do. */
export class EngineError extends Schema.TaggedError<EngineError>()("EngineError", {
  engine: Schema.String,
  program: Schema.String,
  problem: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `${this.engine}, ${this.program}: ${this.problem}`
  }
}

/** The description of an engine, for manifests. */
export interface EngineInfo {
  readonly engine: "onnx" | "tfjs" | "reference"
  /** The execution provider or backend: `cpu`, `cuda`, `webgpu`, `wasm`, `node` … */
  readonly device: string
  /** The name of the processor or graphics card. */
  readonly name: string
  readonly precision: "float32" | "float64"
  readonly versions: Ops.Named<string>
  /** The number of programs that run at the same time. */
  readonly threads: number
  /** The number of heads that are fastest when stepped as one. */
  readonly together: number
}

/**
 * A handle for calls that share tensors: the engine keeps those that do not change between calls, so that they are not
 * sent or converted again.
 */
export interface Lane {
  readonly id: number
}

/** An engine, which runs programs. */
export interface Engine {
  readonly info: EngineInfo
  readonly block: (program: Program, input: BlockInput, lane?: Lane) => Effect.Effect<BlockOutput, EngineError>
  /** Runs a program without a loop on its inputs by name. */
  readonly map: (
    program: Program,
    inputs: Ops.Named<Tensor.Tensor>,
    lane?: Lane
  ) => Effect.Effect<HostTensors, EngineError>
  /** Frees the tensors of a lane. */
  readonly close: (lane: Lane) => Effect.Effect<void>
}

/** A short name of an engine: `onnx program (cpu)`. */
export const label = ({ engine, device }: Pick<EngineInfo, "engine" | "device">): string =>
  engine === "reference" ? "float64 reference" : engine === "onnx" ? `onnx program (${device})` : `tfjs (${device})`
