/** ONNX: model files, a graph builder, and sessions of onnxruntime as scoped resources. */
export * as Builder from "./Builder.ts"
export * as Model from "./Model.ts"
export { OnnxError } from "./OnnxError.ts"
export { OnnxRuntime, type Port, type Session } from "./OnnxRuntime.ts"
