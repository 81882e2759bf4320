/**
 * Trained heads and their fusion as one ONNX file: features by modality in, class probabilities (and each head's
 * logits) out. The metadata says which run made it and which encoders its features come from.
 */
import type { Ops } from "@igm/gradient"
import type { HostTensors, Predict } from "./Interpreter.ts"
import { forward } from "./OnnxProgram.ts"

/** The bytes of the file. `widths` are the widths of the modalities' features. */
export const encode = (
  predict: Predict,
  weights: HostTensors,
  widths: Ops.Named<number>,
  metadata: Ops.Named<string>
): Uint8Array => forward(predict, weights, widths, metadata)
