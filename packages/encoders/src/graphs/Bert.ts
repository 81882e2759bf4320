/**
 * BERT (Devlin et al. 2019) as an encoder of sentences: embeddings, layers of self-attention, and the first token of the
 * last layer or the mean of its tokens. Weights have the names of Hugging Face's BertModel, those of older files too.
 * The size of everything but the heads is read from them.
 */
import { Builder } from "@igm/onnx"
import { Effect } from "effect"
import * as Architecture from "./Architecture.ts"
import * as BertLayers from "./BertLayers.ts"
import { type Build, integers, scalar } from "./Constants.ts"
import * as Parameters from "./Parameters.ts"
import type { Weights } from "../weights/Weights.ts"

/** Which BERT. */
export interface Options {
  /** The hidden size: 768 for base, 1024 for large. */
  readonly width: number
  /** The number of attention heads, one for 64 units of width unless given. */
  readonly heads?: number
  /** The last layer's first token ([CLS]), or the mean of its tokens under the mask. */
  readonly output: "cls" | "mean"
  /** The activation: GELU as it is defined, or its approximation by tanh (`gelu_new`). */
  readonly gelu?: "erf" | "tanh"
  /** Takes token types; without them every token is of type 0. */
  readonly types?: boolean
  /** The prefix of the weights' names, with its dot; unless given, nothing or `bert.`, whichever the file has. */
  readonly prefix?: string
  /** The ε of layer normalisation, 1e-12. */
  readonly epsilon?: number
}

type Inputs = { readonly ids: Architecture.Port; readonly mask: Architecture.Port; readonly types?: Architecture.Port }

const WORDS = "embeddings.word_embeddings.weight"

/** Names that a file may hold beyond what is computed: the pooler, heads of pre-training, and numbered positions. */
const unused = /^pooler\.|^cls\.|^embeddings\.(position_ids|token_type_ids)$/

/** Sizes that the weights tell; where they do not, sizes that name what is missing. */
const sizes = (weights: Weights, parameters: Parameters.Parameters, prefix: string): BertLayers.Sizes => {
  const rows = (name: string): number => parameters.shapeOf(name)?.[0] ?? 0
  const layers = [...weights.entries.keys()].flatMap((name) => {
    const match = name.startsWith(prefix) ? /^encoder\.layer\.(\d+)\./.exec(name.slice(prefix.length)) : null
    return match === null ? [] : [Number(match[1])]
  })
  return {
    words: rows(WORDS),
    positions: rows("embeddings.position_embeddings.weight"),
    types: rows("embeddings.token_type_embeddings.weight"),
    layers: 1 + layers.reduce((most, layer) => Math.max(most, layer), 0),
    inner: rows("encoder.layer.0.intermediate.dense.weight")
  }
}

/** A BERT whose inputs are `ids`, `mask` (1 for a token, 0 for padding) and, where asked for, `types`. */
export const make = (options: Options): Architecture.Architecture => {
  const { width, heads = width / 64, output, gelu = "erf", types = false, epsilon = 1e-12 } = options
  if (!Number.isInteger(heads) || width % heads !== 0) {
    throw new RangeError(`a BERT of width ${width} cannot have ${heads} heads`)
  }
  const tokens = { dtype: "int64", shape: ["length"] } as const
  const inputs: Inputs = { ids: tokens, mask: tokens, ...(types ? { types: tokens } : {}) }

  const graph: Architecture.Architecture["graph"] = (weights, given = options.prefix) =>
    Effect.suspend(() => {
      const prefix = given ?? (weights.entries.has(`bert.${WORDS}`) ? "bert." : "")
      const parameters = Parameters.make(weights, prefix, unused)
      const builder = Builder.make<Architecture.Initializer>("bert")
      const of = sizes(weights, parameters, prefix)
      const bert: BertLayers.Bert = { builder, parameters, width, heads, gelu, epsilon, sizes: of }
      const values = Architecture.declare(builder, inputs)
      let x = BertLayers.embedded(bert, values.ids, values.types)
      const bias = BertLayers.maskBias(bert, values.mask)
      for (let layer = 0; layer < of.layers; layer++) {
        // Nothing after the last layer's attention looks at another token than the first.
        const queries = output === "cls" && layer === of.layers - 1 ? first(builder, x) : x
        x = BertLayers.layer(bert, `encoder.layer.${layer}`, queries, x, bias)
      }
      const features = output === "cls" ? squeezed(builder, x) : mean(builder, x, values.mask)
      builder.output(Architecture.OUTPUT, features, "float32", ["batch", width])
      return Effect.as(parameters.check, builder.graph())
    })
  return { name: `bert-${width}-${heads}-${output}${gelu === "tanh" ? "-tanh" : ""}`, inputs, width, graph }
}

/** n × 1 × width: the first token of each sentence. */
const first = (builder: Build, x: Builder.Value): Builder.Value =>
  builder.node("Gather", [x, integers(builder, 0)], { axis: 1 })

const squeezed = (builder: Build, x: Builder.Value): Builder.Value => builder.node("Squeeze", [x, integers(builder, 1)])

/** Σ m x / Σ m over a sentence's tokens, m being its mask; 0 where the mask is all 0. */
const mean = (builder: Build, x: Builder.Value, mask: Builder.Value): Builder.Value => {
  const axis = integers(builder, 1)
  const weight = builder.node("Unsqueeze", [builder.node("Cast", [mask], { to: 1 }), integers(builder, 2)])
  const sum = builder.node("ReduceSum", [builder.node("Mul", [x, weight]), axis], { keepdims: 0 })
  const count = builder.node("ReduceSum", [weight, axis], { keepdims: 0 })
  return builder.node("Div", [sum, builder.node("Max", [count, scalar(builder, 1e-9)])])
}
