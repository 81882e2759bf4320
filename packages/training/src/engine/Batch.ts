/**
 * Batches blocks of several jobs: state, hyper-parameters and draws get a leading axis (heads × …), tables that the
 * jobs share stay single, and different tables are concatenated by rows, with shifted indices. Jobs of different length
 * take their common steps together and the rest alone, which needs no mask, since any partition into blocks gives the
 * same bits.
 */
import { Float64, type Method, Ops } from "@igm/gradient"
import { Tensor } from "@igm/tensor"
import { Effect } from "effect"
import * as Draws from "./Draws.ts"
import type { BlockInput, BlockOutput, EngineError, Lane } from "./Engine.ts"
import type { Interpreter } from "./Interpreter.ts"
import { ownIndex } from "./Program.ts"

/** A step with its block. */
export interface Request {
  readonly step: Method.Step
  readonly input: BlockInput
}

type Tensors = Ops.Named<Tensor.Tensor>

/**
 * Stacks the index draws of heads (steps × batch each) to steps × heads × batch, with an offset of `by` rows for each
 * head.
 */
const beside = (draws: ReadonlyArray<Tensor.Tensor>, by = 0): Tensor.Tensor<"int32"> | Tensor.Tensor<"float64"> => {
  const [{ shape, dtype }, heads] = [draws[0]!, draws.length]
  const [steps, ...rest] = shape as [number, ...Array<number>]
  const size = Tensor.sizeOf(rest)
  const out = dtype === "int32" ? new Int32Array(steps * heads * size) : new Float64Array(steps * heads * size)
  draws.forEach(({ data }, k) => {
    for (let step = 0; step < steps; step++) {
      for (let i = 0; i < size; i++) out[(step * heads + k) * size + i] = Number(data[step * size + i]) + k * by
    }
  })
  const all = [steps, heads, ...rest]
  return out instanceof Int32Array ? Tensor.int32(all, out) : Tensor.float64(all, out)
}

/** Concatenates tables by rows, memoized, so that a phase makes and sends the result once. */
const below = (tables: ReadonlyArray<Tensor.Tensor>): Tensor.Tensor => {
  const [first] = tables
  const known = stacks.get(first!)
  const isSame = known?.tables.length === tables.length && known.tables.every((table, i) => table === tables[i])
  if (isSame) return known.whole
  const whole = Float64.ops.concat(tables.map(Tensor.toFloat64), "rows")
  stacks.set(first!, { tables, whole })
  return whole
}

const stacks = new WeakMap<
  Tensor.Tensor,
  { readonly tables: ReadonlyArray<Tensor.Tensor>; readonly whole: Tensor.Tensor }
>()

/** A key that blocks must have in common to be stepped together. */
const kindOf = (it: Interpreter["Service"], { step, input }: Request): string => {
  const shapes = (tensors: Tensors, from = 0) => Object.values(tensors).map(({ shape }) => shape.slice(from))
  const { state, inputs, draws } = input
  return JSON.stringify([it.program(step, input).key, shapes(state), shapes(inputs), shapes(draws.values, 1)])
}

/** Stacks requests of one kind and length, and names the tables that differ between heads. */
const stack = (requests: ReadonlyArray<Request>) => {
  const { step, input: first } = requests[0]!
  const all = requests.map(({ input }) => input)
  const tables = new Set(Object.values(step.reads).map(({ table }) => table))
  const own = [...tables].filter((name) => all.some(({ inputs }) => inputs[name] !== first.inputs[name]))
  const stacked = (of: (input: BlockInput) => Tensors) =>
    Ops.mapNamed(of(first), (_, name) => Float64.stack(all.map((input) => Tensor.toFloat64(Ops.get(of(input), name)))))
  const inputs = Ops.mapNamed(first.inputs, (tensor, name) => {
    if (!tables.has(name)) return Float64.stack(all.map((input) => Tensor.toFloat64(Ops.get(input.inputs, name))))
    return own.includes(name) ? below(all.map((input) => Ops.get(input.inputs, name))) : tensor
  })
  const drawn = (name: string, by = 0) =>
    beside(
      all.map(({ draws }) => Ops.get<Tensor.Tensor>(draws.values, name)),
      by
    )
  const moved = Object.values(step.reads).flatMap(({ table, index }) => {
    if (!own.includes(table)) return []
    return [[ownIndex(table, index), drawn(index, Ops.get(first.inputs, table).shape[0]!)] as const]
  })
  const values = { ...Ops.mapNamed(first.draws.values, (_, name) => drawn(name)), ...Object.fromEntries(moved) }
  const input: BlockInput = {
    state: stacked(({ state }) => state),
    inputs,
    draws: { steps: first.draws.steps, values }
  }
  return { input, own }
}

/** Splits an output into those of the heads. */
const unstack = ({ state, trace }: BlockOutput, heads: number): ReadonlyArray<BlockOutput> =>
  Array.from({ length: heads }, (_, k) => ({
    state: Ops.mapNamed(state, (tensor) => Float64.layerOf(tensor, k)),
    trace: Ops.mapNamed(trace, (numbers) => numbers.filter((_, i) => i % heads === k))
  }))

const together = Effect.fnUntraced(function* (
  it: Interpreter["Service"],
  requests: ReadonlyArray<Request>,
  lane: Lane
): Effect.fn.Return<ReadonlyArray<BlockOutput>, EngineError> {
  const lengths = requests.map(({ input }) => input.draws.steps)
  const common = Math.min(...lengths)
  const cut = requests.map(({ step, input }) => ({
    step,
    input: { ...input, draws: Draws.part(input.draws, 0, common) }
  }))
  const { input, own } = stack(cut)
  const firsts = unstack(yield* it.run(it.program(requests[0]!.step, input, own), input, lane), requests.length)
  const longer = requests.flatMap(({ step, input: { inputs, draws } }, k) =>
    draws.steps === common
      ? []
      : [{ k, step, input: { state: firsts[k]!.state, inputs, draws: Draws.part(draws, common) } }]
  )
  if (longer.length === 0) return firsts
  const rest = yield* together(it, longer, lane)
  return firsts.map((first, k) => {
    const more = rest[longer.findIndex((one) => one.k === k)]
    if (more === undefined) return first
    return {
      state: more.state,
      trace: Ops.mapNamed(first.trace, (a, name) => Float64Array.of(...a, ...Ops.get(more.trace, name)))
    }
  })
})

/** Runs blocks, batching those of one kind. */
export const run = Effect.fn("Batch.run")(function* (
  it: Interpreter["Service"],
  requests: ReadonlyArray<Request>,
  lane: Lane
) {
  const kinds = Map.groupBy(requests, (request) => kindOf(it, request))
  const outputs = new Map<Request, BlockOutput>()
  for (const kind of kinds.values()) {
    const found = yield* together(it, kind, lane)
    kind.forEach((request, i) => outputs.set(request, found[i]!))
  }
  return requests.map((request) => outputs.get(request)!)
})
