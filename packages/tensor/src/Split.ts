/**
 * The name of a part of a data set, kept in types: what selects a checkpoint takes `"valid"`, what is reported comes
 * from `"test"`, and mixing them up does not compile.
 */
export type Split = "train" | "valid" | "test"

/** All splits, in the order in which they are used. */
export const all = ["train", "valid", "test"] as const satisfies ReadonlyArray<Split>
