/**
 * What runs programs on a device. A block is n steps of one program from (state, inputs, draws) to (state, traces): any
 * partition of steps into blocks gives the same bits. A map is a program without a loop. Programs and tensors are plain
 * data, so an engine may live in another thread.
 */
import type { Method, Ops } from "@igm/gradient"
import type { Tensor } from "@igm/tensor"
import { type Effect, Schema } from "effect"
import type { Program } from "./Program.ts"

/** Host tensors by name. */
export type HostTensors = Ops.Named<Method.HostTensor>

/**
 * What a block starts from. Several heads of one shape are stepped at once where the state, and whatever is of one head
 * alone, has a leading axis (heads × …). Tables, of which reads take rows, have none.
 */
export interface BlockInput {
  readonly state: HostTensors
  readonly inputs: Ops.Named<Tensor.Tensor>
  readonly draws: Method.Draws
  /** Whether fingerprints of the state are wanted after every step; not by default. */
  readonly traced?: boolean
}

/** What a block ends in; a trace holds one number for each step, or for each step and head. */
export interface BlockOutput {
  readonly state: HostTensors
  readonly trace: Ops.Named<Float64Array>
  /** Of a traced block: what each step left of each tensor of the state, a number for each step. */
  readonly fingerprints?: Ops.Named<Float64Array>
}

/** A program that an engine could not run, or a device that is not to be had: what happened, and what to do. */
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

/** What a manifest says of an engine. */
export interface About {
  readonly engine: "onnx" | "tfjs" | "reference"
  /** The execution provider or backend: `cpu`, `cuda`, `webgpu`, `wasm`, `node` … */
  readonly device: string
  /** The processor's or graphics card's own name. */
  readonly name: string
  readonly precision: "float32" | "float64"
  readonly versions: Ops.Named<string>
  /** How many programs run at a time. */
  readonly threads: number
  /** How many heads are best stepped as one. */
  readonly together: number
}

/** Remembers tensors between calls, so that what has not changed is not sent or converted again. */
export interface Lane {
  readonly id: number
}

/** Runs programs. */
export interface Engine {
  readonly about: About
  readonly block: (program: Program, input: BlockInput, lane?: Lane) => Effect.Effect<BlockOutput, EngineError>
  /** What a program makes of tensors by the names of its inputs. */
  readonly map: (
    program: Program,
    inputs: Ops.Named<Tensor.Tensor>,
    lane?: Lane
  ) => Effect.Effect<HostTensors, EngineError>
  /** Forgets a lane. */
  readonly close: (lane: Lane) => Effect.Effect<void>
}

/** An engine in a few words: `onnx program (cpu)`. */
export const label = ({ engine, device }: Pick<About, "engine" | "device">): string =>
  engine === "reference" ? "float64 reference" : engine === "onnx" ? `onnx program (${device})` : `tfjs (${device})`
