/** Frozen encoders and the features they make. */
export * as DigitEncoders from "./DigitEncoders.ts"
export * as Encoder from "./Encoder.ts"
export { EncoderError } from "./EncoderError.ts"
export * as FeatureStore from "./FeatureStore.ts"
export * as Weights from "./Weights.ts"
