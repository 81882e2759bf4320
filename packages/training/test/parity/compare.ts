/** Compares a trajectory with a golden file. */
import { Distance } from "@igm/testing"
import { type Safetensors, Tensor } from "@igm/tensor"
import type { Trajectory } from "./trajectory.ts"

/** The largest |a − b| over the largest |b| of a tensor, by kind: loss, gradient, moment, P, weights, kept. */
export type Deviations = { readonly [kind: string]: number }

/** A golden file may hold fewer steps, and of each tensor evenly spaced numbers. */
export const compare = ({ results }: Pick<Trajectory, "results">, golden: Safetensors.Contents): Deviations => {
  const sample = Number(golden.metadata["sample"])
  const largest: Record<string, number> = {}
  for (const [name, expected] of Object.entries(golden.tensors)) {
    const found = results[name]
    const [kind] = name.split("/") as [string]
    if (found === undefined) throw new RangeError(`the trajectory has no ${name}`)
    const stride = name === "loss" ? 1 : Math.ceil(found.data.length / sample)
    const numbers = found.data.filter((_, i) => i % stride === 0)
    const deviation = Distance.relative(numbers, Tensor.toFloat64(expected).data)
    largest[kind] = Distance.worst([largest[kind] ?? 0, deviation])
  }
  return largest
}

/** What a golden file holds of a trajectory that ended before the training did. */
export const reached = (
  { results }: Pick<Trajectory, "results">,
  golden: Safetensors.Contents
): Safetensors.Contents => ({
  ...golden,
  tensors: Object.fromEntries(
    Object.entries(golden.tensors).filter(([name]) => name !== "loss" && results[name] !== undefined)
  )
})

/** The largest of all. */
export const worst = (deviations: Deviations): number => Distance.worst(Object.values(deviations))
