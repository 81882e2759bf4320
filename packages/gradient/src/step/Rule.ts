/**
 * A user-defined gradient rule: a function that replaces a head's gradient before the optimizer applies it. It is
 * written over `Ops`, so that every interpreter can run it, and `@igm/testing` has the laws that a rule should obey.
 */
import { Digest } from "@igm/tensor"
import * as Head from "./Head.ts"
import { type Named, type Ops, get } from "../ops/Ops.ts"
import * as Tape from "../ops/Tape.ts"

/** The input of a rule besides the gradient, by the parameter's name. */
export interface RuleContext<T> {
  /** The parameters at the step's start. */
  readonly parameters: Named<T>
  /** The batch means of the layers' inputs, by weight (1 × in). */
  readonly inputs: Named<T>
}

/** A gradient rule. */
export interface Rule {
  readonly name: string
  readonly description: string
  /** True if the rule declares that it changes nothing; the laws then check it. */
  readonly identity: boolean
  /** Returns the gradients (W: out × in, b: 1 × out) to use instead of the given ones. */
  readonly apply: <T>(ops: Ops<T>, gradients: Named<T>, context: RuleContext<T>) => Named<T>
}

/**
 * The digest of the operations that a rule applies to a head. It distinguishes rules of the same name, so that a stored
 * training by one is never reused for another.
 */
export const definition = (rule: Rule, head: Head.Head): Digest.Digest => {
  const parameters = Object.keys(Head.shapes(head))
  const under = (kind: string, names: ReadonlyArray<string>) => names.map((name) => `${kind}.${name}`)
  const inputs = parameters.filter(Head.isWeight)
  const { operations, outputs } = Tape.record(
    [...under("gradient", parameters), ...under("parameter", parameters), ...under("input", inputs)],
    (ops, values) => {
      const of = (kind: string, names: ReadonlyArray<string>) =>
        Object.fromEntries(names.map((name) => [name, get(values, `${kind}.${name}`)]))
      return rule.apply(ops, of("gradient", parameters), {
        parameters: of("parameter", parameters),
        inputs: of("input", inputs)
      })
    }
  )
  return Digest.ofJson({ operations, outputs } as unknown as Digest.Json)
}
