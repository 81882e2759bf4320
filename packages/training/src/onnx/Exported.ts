/**
 * Trained heads and their fusion as one ONNX file, from features by modality to class probabilities and each head's
 * logits. The metadata names the run and the encoders of its features.
 */
import type { Ops } from "@igm/gradient"
import type { HostTensors, Predict } from "../engine/Interpreter.ts"
import { forward } from "./OnnxProgram.ts"

/** Encodes the file. `widths` are the widths of the modalities' features. */
export const encode = (
  predict: Predict,
  weights: HostTensors,
  widths: Ops.Named<number>,
  metadata: Ops.Named<string>
): Uint8Array => forward(predict, weights, widths, metadata)
