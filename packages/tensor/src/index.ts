/** Tensors, their files, digests and memory, keyed random streams, names, splits and settings. Pure; no services, no Node. */
export * as Digest from "./Digest.ts"
export * as Keyed from "./Keyed.ts"
export * as Memory from "./Memory.ts"
export * as Name from "./Name.ts"
export * as Safetensors from "./Safetensors.ts"
export * as Setting from "./Setting.ts"
export * as Split from "./Split.ts"
export * as Tensor from "./Tensor.ts"
