/**
 * Steps and forward passes as programs: they are recorded once and are plain data, so that a thread or device can run
 * them without the method that they come from.
 */
import { type Method, type Ops, Tape } from "@igm/gradient"
import type { Predict } from "./Interpreter.ts"

/** The names of a program's values: of the state, the inputs, the draws and the traces. */
export const named = {
  state: (name: string) => `state.${name}`,
  input: (name: string) => `input.${name}`,
  draw: (name: string) => `draw.${name}`,
  next: (name: string) => `next.${name}`,
  trace: (name: string) => `trace.${name}`
}

/** Renames values. */
export const rename = <A>(values: Ops.Named<A>, to: (name: string) => string): Ops.Named<A> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [to(name), value]))

/** Selects the values whose names have a prefix, and removes it. */
export const under = <A>(values: Ops.Named<A>, to: (name: string) => string): Ops.Named<A> => {
  const start = to("")
  const own = Object.entries(values).filter(([name]) => name.startsWith(start))
  return Object.fromEntries(own.map(([name, value]) => [name.slice(start.length), value]))
}

/** A recorded step: it reads `state.*`, `input.*` and `draw.*`, and makes `next.*` and `trace.*`. */
export interface Program {
  readonly name: string
  readonly tape: Tape.Tape
  /** Equal programs have equal keys. */
  readonly key: string
}

/** A program of a tape. */
export const make = (name: string, tape: Tape.Tape): Program => ({ name, tape, key: JSON.stringify([name, tape]) })

/** The name of the index draws for a table that differs between heads. */
export const ownIndex = (table: string, index: string): string => `${index}@${table}`

/** The inputs of a step, by name. */
export interface Given {
  readonly state: Ops.Named<unknown>
  readonly inputs: Ops.Named<unknown>
  readonly draws: Ops.Named<unknown>
}

const recorded = (
  step: Method.Step,
  { state, inputs, draws }: Given,
  own: ReadonlyArray<string>,
  outputs: <T>(outcome: Method.StepOutcome<T>) => Ops.Named<T>
): Program => {
  const names = [
    ...Object.keys(state).map(named.state),
    ...Object.keys(inputs).map(named.input),
    ...Object.keys(draws).map(named.draw)
  ]
  const tape = Tape.record(names, (ops, values) => {
    const [before, set, drawn] = [named.state, named.input, named.draw].map((of) => under(values, of))
    const reads = Object.entries(step.reads).map(([name, { table, index }]) => {
      const [rows, indices] = [set![table], drawn![own.includes(table) ? ownIndex(table, index) : index]]
      if (rows === undefined || indices === undefined) throw new RangeError(`${step.name} reads ${table} by ${index}`)
      return [name, ops.gather(rows, indices)] as const
    })
    const context = { state: before!, inputs: set!, draws: drawn!, reads: Object.fromEntries(reads) }
    return outputs(step.run(ops, context))
  })
  return make(step.name, tape)
}

/**
 * Records a step together with the gathering of the rows that it reads; `own` are the tables that differ between the
 * heads of a stack.
 */
export const ofStep = (step: Method.Step, given: Given, own: ReadonlyArray<string> = []): Program =>
  recorded(step, given, own, ({ state, trace }) => ({ ...rename(state, named.next), ...rename(trace, named.trace) }))

/** Records the traces of a step, without its new state. */
export const ofProbe = (step: Method.Step, given: Given): Program =>
  recorded(step, given, [], ({ trace }) => rename(trace, named.trace))

/**
 * Records the forward pass of heads: it reads `state.*` and `input.*` by modality, and returns `probabilities` and
 * `logits.*`.
 */
export const ofPredict = (
  predict: Predict,
  given: { readonly weights: Ops.Named<unknown>; readonly features: Ops.Named<unknown> }
): Program => {
  const names = [...Object.keys(given.weights).map(named.state), ...Object.keys(given.features).map(named.input)]
  const tape = Tape.record(names, (ops, values) => {
    const { logits, probabilities } = predict(ops, under(values, named.state), under(values, named.input))
    return { probabilities, ...rename(logits, (head) => `logits.${head}`) }
  })
  return make("heads", tape)
}
