/** Means, intervals and comparisons of methods, with the chance of seeds and of test samples in them. */
export * from "./Comparison.ts"
export * as Distributions from "./Distributions.ts"
export * as Estimate from "./Estimate.ts"
export * as Family from "./Family.ts"
export * as Friedman from "./Friedman.ts"
export * as Resamples from "./Resamples.ts"
export * from "./Summary.ts"
export * as Words from "./Words.ts"
