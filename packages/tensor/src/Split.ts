/**
 * The name of a split of a data set, tracked in types: a selection takes `"valid"`, reported results come from
 * `"test"`, and confusing them does not compile.
 */
export type Split = "train" | "valid" | "test"

/** All splits, in the order in which they are used. */
export const all = ["train", "valid", "test"] as const satisfies ReadonlyArray<Split>
