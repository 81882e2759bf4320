/**
 * A gradient rule of one's own: what becomes of a head's gradient before the optimizer takes it. It is written over
 * `Ops`, so that every interpreter can run it, and `@igm/testing` has the laws that a rule should obey.
 */
import { Digest } from "@igm/tensor"
import * as Head from "./Head.ts"
import { type Named, type Ops, get } from "./Ops.ts"
import * as Tape from "./Tape.ts"

/** What a rule sees besides the gradient, by the parameter's name. */
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
  /** Whether it says of itself that it changes nothing. */
  readonly identity: boolean
  /** The gradients (W: out × in, b: 1 × out) to follow instead of the given ones. */
  readonly apply: <T>(ops: Ops<T>, gradients: Named<T>, context: RuleContext<T>) => Named<T>
}

/**
 * What a rule does to a head, as a digest of its operations: two rules of one name that compute something else are told
 * apart by it, and what one of them trained is not taken for the other's.
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
