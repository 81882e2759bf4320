/** Experiments: what they consist of, how they are run, and the folder that a run leaves behind. */
export * as Experiment from "./Experiment.ts"
export * as Journal from "./Journal.ts"
export * as Run from "./Run.ts"
export * as RunFolder from "./RunFolder.ts"
export * as Training from "./Training.ts"
