/** ONNX: model files, a graph builder, and sessions of onnxruntime as scoped resources. */
export * as Builder from "./Builder.ts"
export * as Model from "./Model.ts"
export * as ModelFile from "./ModelFile.ts"
export { hasEndedProcess, isOutOfMemory, OnnxError } from "./OnnxError.ts"
export { OnnxRuntime, type Opening, type Port, type Session } from "./OnnxRuntime.ts"
export * as Placement from "./Placement.ts"
