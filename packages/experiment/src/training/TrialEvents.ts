/** The events of trials, in the form that a report needs. */
import { type Features, type Method, type Metric, Selection } from "@igm/gradient"
import type * as Events from "./Events.ts"
import type { Trials } from "./Trial.ts"

type Dims = Features.Dims

/** The metric by which a method selects its epoch; the accuracy if a custom method does not declare one. */
export const selectedBy = ({ settings }: Pick<Method.Method, "settings">): Metric.Score =>
  Selection.of(settings)?.by ?? "accuracy"

/** The method and the seed of the training that an event belongs to. */
interface Whose {
  readonly method: string
  readonly seed: number
}

/** The events of all trainings, in the order of methods and seeds. */
export const events = <D extends Dims>(
  trials: ReadonlyArray<Pick<Trials<D>, "trials">>
): ReadonlyArray<Events.Event & Whose> =>
  trials.flatMap(({ trials }) =>
    trials.flatMap(({ method, seed, events }) => events.map((event) => ({ method: method.name, seed, ...event })))
  )

/** An epoch of a training, with the selection metric and its value on the selection split. */
export interface Epoch extends Whose, Omit<Extract<Events.Event, { readonly kind: "epoch" }>, "selected"> {
  readonly selectedBy: Metric.Score
  readonly selected: number
}

/** The epochs of each training, for a report's learning curves. */
export const epochs = <D extends Dims>(trials: ReadonlyArray<Trials<D>>): ReadonlyArray<Epoch> =>
  trials.flatMap((one) => {
    const by = selectedBy(one.method)
    return events([one]).flatMap((event) =>
      event.kind === "epoch" ? [{ ...event, selectedBy: by, selected: event.selected[by] }] : []
    )
  })
