/** Describes what a function of a program gives that is not typechecked and gives no effect; undefined for an effect. */
import { Effect, Predicate } from "effect"

/** Describes a value that should be an effect, if it is none. The failure of a promise is ignored. */
export const noEffect = (value: unknown): string | undefined => {
  if (Effect.isEffect(value)) return undefined
  if (value === undefined || value === null) return "gives nothing: give an Effect"
  if (!Predicate.isPromise(value)) return "gives no Effect: give one"
  value.catch(() => undefined)
  return "gives a promise: give an Effect"
}
