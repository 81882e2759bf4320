/**
 * The steps of a block on TensorFlow.js. Values that depend on the block's inputs only are computed once; a step's
 * tensors are freed after it, except the next state and the traces, which stay on the device.
 */
import { Ops, Tape } from "@igm/gradient"
import { type Program, named, rename, under } from "../engine/Program.ts"
import * as TfjsOps from "./TfjsOps.ts"

type Value = TfjsOps.Value

/** Tensors on the device by name. */
export type Values = Ops.Named<Value>

/** The tensors of a call on the device, which are freed at its end. */
export type Held = Set<Value>

/** Registers tensors to be freed at the end of a call. */
export const own = (held: Held, values: Values): Values => {
  for (const value of Object.values(values)) held.add(value)
  return values
}

/** Frees tensors now. */
const disown = (held: Held, values: Values): void => {
  for (const value of Object.values(values)) {
    value.dispose()
    held.delete(value)
  }
}

/**
 * Finds the outputs that are also inputs, constants or other outputs: these are copied, so that each tensor has one
 * owner.
 */
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

/** The progress of a block: its state, and the traces of the steps so far, concatenated. */
export interface Place {
  readonly state: Values
  readonly trace: Values
}

/**
 * Makes the function that takes the steps of a block from one number (inclusive) to another (exclusive), with the
 * inputs of all steps and all their draws.
 */
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
