/**
 * A gradient rule of one's own: what becomes of a head's gradient before the optimizer takes it. It is written over
 * `Ops`, so that every interpreter can run it, and `@igm/testing` has the laws that a rule should obey.
 */
import type { Named, Ops } from "./Ops.ts"

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
