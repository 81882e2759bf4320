/**
 * The steps of a block on TensorFlow.js. What depends on the block's inputs alone is computed once; a step's tensors are
 * let go with it, but for the next state and the traces, which stay on the device.
 */
import { Ops, Tape } from "@igm/gradient"
import { type Program, named, rename, under } from "./Program.ts"
import * as TfjsOps from "./TfjsOps.ts"

type Value = TfjsOps.Value

/** Tensors on the device by name. */
export type Values = Ops.Named<Value>

/** Tensors that a call has on the device; they go with it. */
export type Held = Set<Value>

/** Has a call let go of tensors at its end. */
export const own = (held: Held, values: Values): Values => {
  for (const value of Object.values(values)) held.add(value)
  return values
}

/** Lets go of tensors now. */
const disown = (held: Held, values: Values): void => {
  for (const value of Object.values(values)) {
    value.dispose()
    held.delete(value)
  }
}

/** Which outputs are inputs, constants or other outputs as well: these are copied, so that each has one owner. */
export const sharedBy = (
  { inputs, outputs }: Tape.Tape,
  isConstant: ReadonlyArray<boolean> = []
): ((name: string) => boolean) => {
  const seen = new Set<Tape.Value>()
  const shared = new Set<string>()
  for (const [name, value] of Object.entries(outputs)) {
    if (value < inputs.length || isConstant[value] === true || seen.has(value)) shared.add(name)
    seen.add(value)
  }
  return (name) => shared.has(name)
}

/** Where a block is: its state, and the traces of the steps so far, one below the other. */
export interface Place {
  readonly state: Values
  readonly trace: Values
}

/** Takes the steps of a block from one number to before another, with what all steps are given and all their draws. */
export const make = (tf: TfjsOps.Tf, { tape }: Program, held: Held, given: Values, draws: Values) => {
  const ops = TfjsOps.make(tf)
  const isConstant = Tape.dependingOn(tape, (name) => name.startsWith(named.input("")))
  const isShared = sharedBy(tape, isConstant)
  const constants = new Map<Tape.Value, Tape.Made<Value>>()
  const where: Tape.Where<Value> = (at, compute) => {
    if (isConstant[at] !== true) return compute(ops)
    const found = constants.get(at)
    if (found !== undefined) return found
    const made = compute(ops)
    constants.set(at, made)
    for (const value of "parts" in made ? made.parts : [made]) held.add(tf.keep(value))
    return made
  }
  const nth = (values: Value, i: number): Value => tf.reshape(tf.slice(values, [i], [1]), values.shape.slice(1))
  const step = (state: Values, i: number): Values =>
    tf.tidy(() => {
      const drawn = Ops.mapNamed(draws, (values) => nth(values, i))
      const outcome = Tape.runWhere(tape, where, { ...rename(state, named.state), ...given, ...drawn })
      return { ...Ops.mapNamed(outcome, (value, name) => (isShared(name) ? tf.clone(value) : value)) }
    })
  return (before: Place, from: number, to: number): Place => {
    const after = tf.tidy(() => {
      const traces = Ops.mapNamed(under(tape.outputs, named.trace), (_, name) =>
        [before.trace[name]].filter((value) => value !== undefined)
      )
      let state = before.state
      for (let i = from; i < to; i++) {
        const outcome = step(state, i)
        disown(held, state)
        state = under(outcome, named.next)
        for (const [name, value] of Object.entries(under(outcome, named.trace))) traces[name]!.push(value)
      }
      return { state: { ...state }, trace: { ...Ops.mapNamed(traces, (parts) => tf.concat(parts, 0)) } }
    })
    disown(held, before.trace)
    own(held, after.state)
    own(held, after.trace)
    return after
  }
}
