/** The head-training service and its interpreters: the ONNX program and the float64 reference. */
export * as Exported from "./Exported.ts"
export { HeadTrainer, type TrainingEvent } from "./HeadTrainer.ts"
export * as Interpreter from "./Interpreter.ts"
export * as OnnxProgram from "./OnnxProgram.ts"
export * as Reference from "./Reference.ts"
export * as SymbolicOps from "./SymbolicOps.ts"
export { TrainingError } from "./TrainingError.ts"
