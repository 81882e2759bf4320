/**
 * The weights that a graph asks for by name and shape. Asking gives a promise at once, so that a graph is built without
 * reading anything; what the file lacks, what does not fit, and what nobody asked for is told in the end, all together.
 */
import type { Model } from "@igm/onnx"
import type { Tensor } from "@igm/tensor"
import { Effect } from "effect"
import { EncoderError } from "../EncoderError.ts"
import type { Weights } from "../weights/Weights.ts"

/** A float32 tensor of a weight file, or one made of several. */
export interface Parameter extends Model.Promised<EncoderError> {
  readonly name: string
  readonly tensor: Effect.Effect<Tensor.Tensor<"float32">, EncoderError>
}

/** The weights below a prefix. */
export interface Parameters {
  /** The tensor of a name (less the prefix), which has to have that shape. */
  readonly get: (name: string, shape: ReadonlyArray<number>) => Parameter
  /** The shape that the file has under a name (less the prefix). */
  readonly shapeOf: (name: string) => ReadonlyArray<number> | undefined
  /** A tensor that is computed from others when it is written. */
  readonly derive: (
    from: ReadonlyArray<Parameter>,
    shape: ReadonlyArray<number>,
    compute: (...tensors: ReadonlyArray<Tensor.Tensor<"float32">>) => Tensor.Tensor<"float32">
  ) => Parameter
  /** Fails unless all that was asked for is there and, below the prefix, nothing else but what may be left unused. */
  readonly check: Effect.Effect<void, EncoderError>
}

const HINT = "is the prefix"

/** The number of problems that an error names at most. */
const NAMED = 4

/** Asks a file for the weights below a prefix; `unused` are names (less the prefix) that need not be asked for. */
export const make = (weights: Weights, prefix: string, unused: RegExp): Parameters => {
  const { path, entries } = weights
  const problems: Array<string> = []
  const asked = new Set<string>()

  const finite = (name: string, tensor: Effect.Effect<Tensor.Tensor<"float32">, EncoderError>) =>
    Effect.filterOrFail(
      tensor,
      ({ data }) => isFinite(data),
      () => new EncoderError({ path, problem: `${name} holds numbers that are not finite` })
    )

  const get = (less: string, shape: ReadonlyArray<number>): Parameter => {
    const name = prefix + less
    const problem = unfit(weights, name, shape)
    if (problem !== undefined && !asked.has(name)) problems.push(problem + elsewhere(entries, less, name))
    asked.add(name)
    return { name, dtype: "float32", shape, tensor: finite(name, weights.read(name)) }
  }

  const derive: Parameters["derive"] = (from, shape, compute) => {
    const name = from.map((parameter) => parameter.name).join(" with ")
    const tensors = Effect.forEach(from, (parameter) => parameter.tensor)
    return {
      name,
      dtype: "float32",
      shape,
      tensor: finite(
        name,
        Effect.map(tensors, (all) => compute(...all))
      )
    }
  }

  /** Other prefixes below which the file has all that was asked for, by names. */
  const others = (): ReadonlyArray<string> => {
    const names = [...asked].map((name) => name.slice(prefix.length))
    const first = names.find((name) => !entries.has(prefix + name))
    if (first === undefined) return []
    return [...entries.keys()]
      .filter((name) => name.endsWith(first))
      .map((name) => name.slice(0, -first.length))
      .filter((other) => (other === "" || other.endsWith(".")) && names.every((name) => entries.has(other + name)))
  }

  const check = Effect.suspend(() => {
    const extra = [...entries.keys()]
      .filter((name) => name.startsWith(prefix) && !asked.has(name) && !unused.test(name.slice(prefix.length)))
      .map((name) => `${name} has no place in this architecture`)
    const all = [...problems, ...extra]
    if (all.length === 0) return Effect.void
    const more = all.length > NAMED ? `; and ${all.length - NAMED} more` : ""
    const hint = problems.some((problem) => problem.includes(HINT)) ? "; --prefix says where they are" : ""
    return Effect.fail(
      new EncoderError({ path, problem: all.slice(0, NAMED).join("; ") + more + hint, prefixes: others() })
    )
  })

  return { get, shapeOf: (name) => entries.get(prefix + name)?.shape, derive, check }
}

/** Why a tensor cannot be taken for one of the given shape: it is missing, transposed, or has another shape. */
const unfit = (weights: Weights, name: string, shape: ReadonlyArray<number>): string | undefined => {
  const entry = weights.entries.get(name)
  if (entry === undefined) return `${name} is missing`
  const [found, expected] = [entry.shape.join(", "), shape.join(", ")]
  if (found === expected) return undefined
  return entry.shape.toReversed().join(", ") === expected
    ? `${name} is transposed: it is [${found}] and should be [${expected}]`
    : `${name} has the shape [${found}] and should have [${expected}]`
}

/** The prefixes under which a missing tensor may be. */
const elsewhere = (entries: Weights["entries"], less: string, name: string): string => {
  if (entries.has(name)) return ""
  const other = [...entries.keys()].find((candidate) => candidate === less || candidate.endsWith(`.${less}`))
  return other === undefined ? "" : ` (there is ${other}: ${HINT} "${other.slice(0, -less.length)}"?)`
}

const isFinite = (data: Float32Array): boolean => {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i]!)) return false
  return true
}
