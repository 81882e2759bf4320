/** Means, standard deviations and paired comparisons. */
export * from "./Comparison.ts"
export * from "./Summary.ts"
