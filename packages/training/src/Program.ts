/**
 * Steps and forward passes as programs: recorded once, they are plain data, so that whatever thread or device runs them
 * needs nothing of the method that they come from.
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

/** Values under other names. */
export const rename = <A>(values: Ops.Named<A>, to: (name: string) => string): Ops.Named<A> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [to(name), value]))

/** The values whose names begin so, without that beginning. */
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

/** The draws of indices into a table of which each head has its own. */
export const ownIndex = (table: string, index: string): string => `${index}@${table}`

/** What a step is given, by name. */
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

/** Records a step, with the rows that it reads gathered; `own` are the tables of which each head of a stack has its own. */
export const ofStep = (step: Method.Step, given: Given, own: ReadonlyArray<string> = []): Program =>
  recorded(step, given, own, ({ state, trace }) => ({ ...rename(state, named.next), ...rename(trace, named.trace) }))

/** Records what a step traces, and not what it makes of the state. */
export const ofProbe = (step: Method.Step, given: Given): Program =>
  recorded(step, given, [], ({ trace }) => rename(trace, named.trace))

/** Records heads' forward pass: it reads `state.*` and `input.*` by modality, and makes `probabilities` and `logits.*`. */
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
