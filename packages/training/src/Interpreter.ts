/**
 * What gives a step its meaning on a machine: the ONNX program, or the float64 reference. The unit of work is a block:
 * n steps from (state, inputs, draws) to (state, traces). Any partition of steps into blocks gives the same bits.
 */
import type { Method, Ops } from "@igm/gradient"
import type { OnnxError } from "@igm/onnx"
import type { Tensor } from "@igm/tensor"
import { Context, type Effect } from "effect"

/** Host tensors by name. */
export type HostTensors = Ops.Named<Method.HostTensor>

/**
 * What a block starts from. Several heads of one shape are stepped at once where the state, and whatever is of one head
 * alone, has a leading axis (heads × …). Tables, of which reads take rows, are shared by all heads and have none.
 */
export interface BlockInput {
  readonly state: HostTensors
  readonly inputs: HostTensors
  readonly draws: Method.Draws
}

/** What a block ends in; a trace holds one number for each step, or for each step and head. */
export interface BlockOutput {
  readonly state: HostTensors
  readonly trace: Ops.Named<Float64Array>
}

/** How heads predict: the part of a method that maps features to probabilities. */
export type Predict = Method.Method["predict"]

/** Runs blocks of steps, and heads' forward passes. */
export class Interpreter extends Context.Service<
  Interpreter,
  {
    readonly name: string
    readonly block: (step: Method.Step, input: BlockInput) => Effect.Effect<BlockOutput, OnnxError>
    /** Logits by head and fused probabilities (n × classes) of features (n × width, by modality). */
    readonly predict: (
      predict: Predict,
      weights: HostTensors,
      features: Ops.Named<Tensor.Tensor>
    ) => Effect.Effect<Method.Prediction<Method.HostTensor>, OnnxError>
  }
>()("@igm/training/Interpreter") {}

/** Runs a step on an interpreter's operations, with the rows that it reads gathered. */
export const runStep = <T>(
  ops: Ops.Ops<T>,
  step: Method.Step,
  context: Omit<Method.StepContext<T>, "reads">
): Method.StepOutcome<T> => {
  const reads = Object.entries(step.reads).map(([name, { table, index }]) => {
    const [rows, indices] = [context.inputs[table], context.draws[index]]
    if (rows === undefined || indices === undefined) throw new RangeError(`${step.name} reads ${table} by ${index}`)
    return [name, ops.gather(rows, indices)] as const
  })
  return step.run(ops, { ...context, reads: Object.fromEntries(reads) })
}
