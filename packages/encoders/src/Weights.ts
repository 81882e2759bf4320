/**
 * Named tensors of a weight file, which are read one at a time: a file can be larger than what should lie in memory.
 */
import { Tensor } from "@igm/tensor"
import { Effect } from "effect"
import { EncoderError } from "./EncoderError.ts"

/** What a file says about a tensor; the dtype is the file's own word for it. */
export interface Entry {
  readonly dtype: string
  readonly shape: ReadonlyArray<number>
}

/** The tensors of one file. */
export interface Weights {
  readonly path: string
  readonly entries: ReadonlyMap<string, Entry>
  /** A tensor by its name, as float32 whatever its dtype in the file. */
  readonly read: (name: string) => Effect.Effect<Tensor.Tensor<"float32">, EncoderError>
}

/** Weights that are in memory; errors call them `path`. */
export const ofTensors = (path: string, tensors: { readonly [name: string]: Tensor.Tensor }): Weights => ({
  path,
  entries: new Map(Object.entries(tensors)),
  read: (name) => {
    const tensor = Object.hasOwn(tensors, name) ? tensors[name] : undefined
    return tensor === undefined
      ? Effect.fail(new EncoderError({ path, problem: `there is no tensor ${name}` }))
      : Effect.succeed(Tensor.toFloat32(tensor))
  }
})
