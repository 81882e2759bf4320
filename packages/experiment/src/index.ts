/** Experiments: what they consist of, how they are run, and the folder that a run leaves behind. */
export * as CrossValidation from "./CrossValidation.ts"
export * as Experiment from "./Experiment.ts"
export * as Folds from "./Folds.ts"
export * as Journal from "./Journal.ts"
export * as Run from "./Run.ts"
export * as RunFolder from "./RunFolder.ts"
export * as Standings from "./Standings.ts"
export * as Training from "./Training.ts"
