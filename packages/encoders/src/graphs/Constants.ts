/** Constants of graphs under construction. */
import type { Builder } from "@igm/onnx"
import { Tensor } from "@igm/tensor"
import type { Initializer } from "./Architecture.ts"

/** A graph under construction. */
export type Build = Builder.Builder<Initializer>

/** A float32 number. */
export const scalar = (builder: Build, value: number): Builder.Value => builder.constant(Tensor.float32([], [value]))

/** A list of int64 numbers: axes, or a shape. */
export const integers = (builder: Build, ...values: ReadonlyArray<number>): Builder.Value =>
  builder.constant(Tensor.make("int64", [values.length], BigInt64Array.from(values, BigInt)))
