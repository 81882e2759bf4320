/** Tensors, their files, digests and memory, keyed random streams, and the names of splits. Pure; no Effect, no Node. */
export * as Digest from "./Digest.ts"
export * as Keyed from "./Keyed.ts"
export * as Memory from "./Memory.ts"
export * as Safetensors from "./Safetensors.ts"
export * as Split from "./Split.ts"
export * as Tensor from "./Tensor.ts"
