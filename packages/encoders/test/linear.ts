/** The smallest encoder: features W x + b, of 4 numbers to 3, with weights that a test makes. */
import { Builder } from "@igm/onnx"
import { Safetensors, Tensor } from "@igm/tensor"
import { Effect } from "effect"
import { Architecture, type Catalog } from "../src/index.ts"

/** The architecture. */
const architecture: Architecture.Architecture = {
  name: "linear",
  inputs: { x: { dtype: "float32", shape: [4] } },
  width: 3,
  graph: (weights) =>
    Effect.gen(function* () {
      const builder = Builder.make<Architecture.Initializer>("linear")
      const x = builder.input("x", "float32", ["batch", 4])
      const [w, b] = [yield* weights.read("weight"), yield* weights.read("bias")]
      const y = builder.node("Gemm", [x, builder.constant(w), builder.constant(b)], { transB: 1 })
      builder.output(Architecture.OUTPUT, y, "float32", ["batch", 3])
      return builder.graph()
    })
}

/** A file of weights, all `scale` times an example's. */
export const weights = (scale: number): Uint8Array =>
  Safetensors.encode({
    weight: Tensor.float32(
      [3, 4],
      Array.from({ length: 12 }, (_, i) => scale * Math.cos(i))
    ),
    bias: Tensor.float32([3], [scale, 0, -scale])
  })

/** A catalogue of it: from the hub, with a file beside it; and from elsewhere. */
export const catalog = (repo: string) => {
  const entry = {
    title: "a linear map",
    weights: "model.safetensors",
    licence: "CC0-1.0",
    architecture,
    width: 3 as const,
    sample: { x: { kind: "normal", shape: [2, 4] } }
  } as const
  return {
    linear: { ...entry, published: { kind: "hub", repo }, beside: ["vocab.txt"] },
    elsewhere: { ...entry, published: { kind: "elsewhere", where: "https://example.org" }, beside: [] },
    wide: { ...entry, published: { kind: "hub", repo }, beside: [], width: 5 }
  } as const satisfies Catalog.Catalog
}
