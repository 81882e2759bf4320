/** Frozen encoders and the features they make. */
export * as DigitEncoders from "./DigitEncoders.ts"
export * as Encoder from "./Encoder.ts"
export { BatchTooLarge, EncoderError } from "./EncoderError.ts"
export * as FeatureStore from "./FeatureStore.ts"
export * as Stored from "./Stored.ts"
export * as Unfinished from "./Unfinished.ts"
