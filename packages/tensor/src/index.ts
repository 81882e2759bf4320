/** Tensors, their files and digests, keyed random streams, and the names of splits. Pure; no Effect, no Node. */
export * as Digest from "./Digest.ts"
export * as Keyed from "./Keyed.ts"
export * as Safetensors from "./Safetensors.ts"
export * as Split from "./Split.ts"
export * as Tensor from "./Tensor.ts"
