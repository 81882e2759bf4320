/**
 * A recorded computation over `Ops`: its inputs, its operations in order, and its outputs. A step does not branch on
 * its tensors, so one recording is the whole step, as plain data that can be sent to another thread, compared, counted,
 * turned into a graph, or run on any `Ops`. Equal operations are recorded once, unused ones are left out.
 */
import { type Named, type Ops, get, mapNamed } from "./Ops.ts"

/** The number of a value: first the inputs in their order, then one for each operation. */
export type Value = number

/**
 * One operation: `of` are its operands, `set` its attributes. A `split` is followed by a `part` operation for each
 * part.
 */
export interface Operation {
  readonly op: Exclude<keyof Ops<unknown>, never> | "part"
  readonly of: ReadonlyArray<Value>
  readonly set?: {
    readonly value?: number
    readonly transA?: boolean
    readonly transB?: boolean
    readonly over?: "rows" | "columns" | "all"
    readonly along?: "rows" | "columns"
    readonly widths?: ReadonlyArray<number>
    readonly part?: number
  }
}

/** A recorded computation. */
export interface Tape {
  readonly inputs: ReadonlyArray<string>
  readonly operations: ReadonlyArray<Operation>
  readonly outputs: Named<Value>
}

/** Records a computation of named inputs. */
export const record = (
  inputs: ReadonlyArray<string>,
  compute: (ops: Ops<Value>, values: Named<Value>) => Named<Value>
): Tape => {
  const operations: Array<Operation> = []
  const known = new Map<string, Value>()
  const note = (operation: Operation): Value => {
    const key = JSON.stringify(operation)
    const found = known.get(key)
    if (found !== undefined) return found
    const value = inputs.length + operations.push(operation) - 1
    known.set(key, value)
    return value
  }
  const outputs = compute(recorder(note), Object.fromEntries(inputs.map((name, i) => [name, i])))
  return pruned({ inputs, operations, outputs })
}

const recorder = (note: (operation: Operation) => Value): Ops<Value> => {
  // Named operands: what is handed to `reduce` is called with more than the two.
  const unary =
    (op: Operation["op"]) =>
    (a: Value): Value =>
      note({ op, of: [a] })
  const binary =
    (op: Operation["op"]) =>
    (a: Value, b: Value): Value =>
      note({ op, of: [a, b] })
  return {
    scalar: (value) => note({ op: "scalar", of: [], set: { value } }),
    gemm: (a, b, { transA = false, transB = false, addend } = {}) =>
      note({ op: "gemm", of: addend === undefined ? [a, b] : [a, b, addend], set: { transA, transB } }),
    add: binary("add"),
    subtract: binary("subtract"),
    multiply: binary("multiply"),
    divide: binary("divide"),
    sqrt: unary("sqrt"),
    exp: unary("exp"),
    relu: unary("relu"),
    greater: binary("greater"),
    equal: binary("equal"),
    where: (mask, a, b) => note({ op: "where", of: [mask, a, b] }),
    logSoftmax: unary("logSoftmax"),
    sum: (a, over) => note({ op: "sum", of: [a], set: { over } }),
    sumSquares: unary("sumSquares"),
    concat: (parts, along) => note({ op: "concat", of: parts, set: { along } }),
    split: (a, widths) => {
      const whole = note({ op: "split", of: [a], set: { widths } })
      return widths.map((_, part) => note({ op: "part", of: [whole], set: { part } }))
    },
    flatten: unary("flatten"),
    gather: binary("gather")
  }
}

/** The tape without the operations that no output needs. */
const pruned = ({ inputs, operations, outputs }: Tape): Tape => {
  const needed = new Set(Object.values(outputs))
  for (let i = operations.length - 1; i >= 0; i--) {
    if (needed.has(inputs.length + i)) operations[i]!.of.forEach((value) => needed.add(value))
  }
  const renumbered = new Map(inputs.map((_, i) => [i, i]))
  const kept = operations.filter((_, i) => needed.has(inputs.length + i))
  const numbers = operations.flatMap((_, i) => (needed.has(inputs.length + i) ? [inputs.length + i] : []))
  numbers.forEach((value, i) => renumbered.set(value, inputs.length + i))
  const to = (value: Value): Value => renumbered.get(value)!
  return { inputs, operations: kept.map((o) => ({ ...o, of: o.of.map(to) })), outputs: mapNamed(outputs, to) }
}

/** The result of an operation: a tensor, or the parts of a split. */
export type Made<T> = T | { readonly parts: ReadonlyArray<T> }

const isParts = <T>(made: Made<T>): made is { readonly parts: ReadonlyArray<T> } =>
  typeof made === "object" && made !== null && "parts" in made

const perform = <T>(ops: Ops<T>, { op, of, set = {} }: Operation, value: (at: Value) => T, made: Made<T>): Made<T> => {
  const operand = (i: number): T => value(of[i]!)
  switch (op) {
    case "scalar":
      return ops.scalar(set.value!)
    case "gemm": {
      const trans = { transA: set.transA === true, transB: set.transB === true }
      return ops.gemm(operand(0), operand(1), of.length === 2 ? trans : { ...trans, addend: operand(2) })
    }
    case "sum":
      return ops.sum(operand(0), set.over!)
    case "concat":
      return ops.concat(of.map(value), set.along!)
    case "split":
      return { parts: ops.split(operand(0), set.widths!) }
    case "part":
      return (made as { readonly parts: ReadonlyArray<T> }).parts[set.part!]!
    case "where":
      return ops.where(operand(0), operand(1), operand(2))
    case "add":
    case "subtract":
    case "multiply":
    case "divide":
    case "greater":
    case "equal":
    case "gather":
      return ops[op](operand(0), operand(1))
    case "sqrt":
    case "exp":
    case "relu":
    case "logSoftmax":
    case "sumSquares":
    case "flatten":
      return ops[op](operand(0))
  }
}

/** Says on which operations, if at all, the value of that number is to be computed, and what is to be read for an operand. */
export type Where<T> = (at: Value, compute: (ops: Ops<T>, read?: (operand: T) => T) => Made<T>) => Made<T>

/** Runs a tape, each operation where it is told to be. */
export const runWhere = <T>(tape: Tape, where: Where<T>, inputs: Named<T>): Named<T> => {
  const values: Array<Made<T>> = tape.inputs.map((name) => get(inputs, name))
  const value = (at: Value): T => {
    const made = values[at]!
    if (isParts(made)) throw new RangeError("a split is no tensor: take its parts")
    return made
  }
  for (const operation of tape.operations) {
    values.push(
      where(values.length, (ops, read = (operand) => operand) =>
        perform(ops, operation, (at) => read(value(at)), values[operation.of[0]!]!)
      )
    )
  }
  return mapNamed(tape.outputs, value)
}

/** Runs a tape on operations. */
export const run = <T>(tape: Tape, ops: Ops<T>, inputs: Named<T>): Named<T> =>
  runWhere(tape, (_, compute) => compute(ops), inputs)

/** Marks the values that depend on the given inputs only. */
export const dependingOn = (
  { inputs, operations }: Tape,
  names: (input: string) => boolean
): ReadonlyArray<boolean> => {
  const found = inputs.map(names)
  for (const { of } of operations) found.push(of.every((value) => found[value]!))
  return found
}
