/** Opens a data set: its samples are generated or read, and the files that were read are recorded in the run. */
import type { Dataset } from "@igm/datasets"
import { Effect } from "effect"
import { Run } from "../run/Run.ts"

/** A data set with its samples. */
export interface Opened<M extends string> extends Dataset.Prepared<M> {
  readonly dataset: Dataset.Dataset<M>
}

/** Opens a data set and records its files as inputs of the run. */
export const open = Effect.fn("Data.open")(function* <M extends string>(dataset: Dataset.Dataset<M>) {
  const prepared = yield* dataset.prepare
  const { sources = [] } = prepared
  yield* Run.use(({ reads }) => reads(sources.map(({ path, digest }) => ({ path, digest }))))
  const opened: Opened<M> = { ...prepared, dataset }
  return opened
})
