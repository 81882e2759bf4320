import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Digest, Tensor } from "@igm/tensor"
import { Effect, FileSystem, Path } from "effect"
import { Architecture, Bert, I3d, Prefix, Released, ResNet } from "../../src/index.ts"
import * as Formula from "../formula.ts"
import * as Golden from "../golden.ts"

type Lines = ReadonlyArray<Formula.Line>

const resnet = ResNet.make({ depth: 18, channels: 3, output: "pooled" })

/** What is wrong with the lines of a state dictionary that were changed. */
const problem = Effect.fnUntraced(function* (
  architecture: Architecture.Architecture,
  family: Parameters<typeof Golden.read>[0],
  layout: string,
  change: (lines: Lines) => Lines
) {
  const { layouts } = yield* Golden.read(family)
  const error = yield* Effect.flip(architecture.graph(Formula.weights(change(layouts[layout]!))))
  assert.strictEqual(error.path, "formula")
  return error.problem
})

const reshaped = (name: string, shape: ReadonlyArray<number>) => (lines: Lines) =>
  lines.map((line) => (line[0] === name ? ([name, shape] as const) : line))

const prefixed = (prefix: string) => (lines: Lines) =>
  lines.map(([name, ...rest]): Formula.Line => [prefix + name, ...rest])

describe("weights that do not fit", () => {
  it.effect("a missing, extra, transposed or otherwise shaped tensor is named", () =>
    Effect.gen(function* () {
      const resnet18 = (change: (lines: Lines) => Lines) => problem(resnet, "resnet", "resnet18", change)
      const conv = "layer2.1.conv2.weight"
      assert.strictEqual(yield* resnet18((lines) => lines.filter(([name]) => name !== conv)), `${conv} is missing`)
      assert.strictEqual(
        yield* resnet18((lines) => [...lines, ["layer5.0.conv1.weight", [1]]]),
        "layer5.0.conv1.weight has no place in this architecture"
      )
      assert.strictEqual(
        yield* resnet18(reshaped(conv, [3, 3, 128, 128])),
        `${conv} is transposed: it is [3, 3, 128, 128] and should be [128, 128, 3, 3]`
      )
      assert.strictEqual(
        yield* resnet18(reshaped("conv1.weight", [64, 1, 7, 7])),
        "conv1.weight has the shape [64, 1, 7, 7] and should have [64, 3, 7, 7]"
      )
      const bert = Bert.make({ width: 48, heads: 4, output: "cls" })
      const dense = "encoder.layer.1.intermediate.dense.weight"
      assert.strictEqual(
        yield* problem(bert, "bert", "bert-small", reshaped(dense, [48, 80])),
        `${dense} is transposed: it is [48, 80] and should be [80, 48]`
      )
      assert.match(
        yield* problem(bert, "bert", "bert-small", (lines) => lines.filter(([name]) => !name.includes("layer.1."))),
        /^encoder\.layer\.1\.attention\.self\.query\.weight is missing; .*; and 12 more$/
      )
      const rgb = I3d.make({ channels: 3, pooling: "mean" })
      assert.strictEqual(
        yield* problem(rgb, "i3d", "i3d-1", (lines) => lines),
        "Conv3d_1a_7x7.conv3d.weight has the shape [64, 1, 7, 7, 7] and should have [64, 3, 7, 7, 7]"
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("names under another prefix are found, and the prefix is told", () =>
    Effect.gen(function* () {
      const message = yield* problem(resnet, "resnet", "resnet18", prefixed("module."))
      assert.include(message, 'conv1.weight is missing (there is module.conv1.weight: is the prefix "module."?)')
      assert.include(
        yield* problem(Released.video, "resnet", "resnet18", (lines) => lines),
        'video_encoder.video_net.conv1.weight is missing (there is conv1.weight: is the prefix ""?)'
      )
      const { layouts } = yield* Golden.read("resnet")
      const module = ResNet.make({ depth: 18, channels: 3, output: "pooled", prefix: "module." })
      yield* module.graph(Formula.weights(prefixed("module.")(layouts["resnet18"]!)))
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("Prefix", () => {
  /** The prefix below which an architecture finds its weights, and the names that it then reads. */
  const located = Effect.fnUntraced(function* (architecture: Architecture.Architecture, lines: Lines, given?: string) {
    const weights = Formula.weights(lines)
    const found = yield* Prefix.locate(architecture, weights, given)
    const graph = yield* found.architecture.graph(weights)
    assert.deepStrictEqual(graph.outputs[0]!.shape, ["batch", architecture.width])
    return found.prefix
  })

  it.effect("of a wrapped model is found where all its weights are below one alone, whichever that is", () =>
    Effect.gen(function* () {
      const resnet18 = (yield* Golden.read("resnet")).layouts["resnet18"]!
      const bert = (yield* Golden.read("bert")).layouts["bert-small"]!
      const small = Bert.make({ width: 48, heads: 4, output: "cls" })
      const moments: Lines = [["optimizer.state.0.momentum_buffer", [64, 3, 7, 7]]]
      assert.isUndefined(yield* located(resnet, resnet18))
      for (const prefix of ["module.", "_orig_mod.", "model.", "backbone.", "encoder.", "module.model.backbone."]) {
        assert.strictEqual(yield* located(resnet, [...moments, ...prefixed(prefix)(resnet18)]), prefix)
        assert.strictEqual(yield* located(small, prefixed(prefix)(bert)), prefix)
      }
      const released = (yield* Golden.read("released")).layouts["released-av"]!
      assert.strictEqual(
        yield* located(Released.audio, prefixed("module.")(released)),
        "module.audio_encoder.audio_net."
      )
      assert.strictEqual(yield* located(Released.video, resnet18), "")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("of several that would do is asked for, with their names; one that is given is taken, or an error", () =>
    Effect.gen(function* () {
      const resnet18 = (yield* Golden.read("resnet")).layouts["resnet18"]!
      const two = [...prefixed("model.")(resnet18), ...prefixed("ema.")(resnet18)]
      assert.strictEqual(
        (yield* Effect.flip(located(resnet, two))).message,
        'formula: it has weights for the resnet18-pooled below several prefixes, "model.", "ema.": choose one with --prefix'
      )
      assert.strictEqual(yield* located(resnet, two, "ema."), "ema.")
      const { message } = yield* Effect.flip(located(resnet, two, "em."))
      assert.include(message, 'em.conv1.weight is missing (there is model.conv1.weight: is the prefix "model."?)')
      assert.include(message, "; --prefix says where they are")
      const cut = prefixed("module.")(resnet18).slice(0, -8)
      assert.include(
        (yield* Effect.flip(located(resnet, cut))).message,
        "conv1.weight is missing (there is module.conv1"
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("Released", () => {
  it.effect("each encoder finds its weights among those of all encoders and heads that the released code saves", () =>
    Effect.gen(function* () {
      const { layouts } = yield* Golden.read("released")
      const files = {
        "released-av": [Released.audio, Released.video],
        "released-ti": [Released.text, Released.image],
        "released-rod": [Released.rgb, Released.flow, Released.depth]
      }
      const widths = []
      for (const [layout, architectures] of Object.entries(files)) {
        for (const architecture of architectures) {
          const { outputs } = yield* architecture.graph(Formula.weights(layouts[layout]!))
          assert.deepStrictEqual(outputs[0]!.shape, ["batch", architecture.width])
          widths.push(architecture.width)
        }
      }
      assert.deepStrictEqual(widths, [512, 512, 768, 1000, 1024, 1024, 1024])
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("Architecture.write", () => {
  it.effect("writes the bytes of the model and gives their digest; a bad tensor leaves no file", () =>
    Effect.gen(function* () {
      const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path]
      const folder = yield* fs.makeTempDirectoryScoped()
      const { layouts } = yield* Golden.read("bert")
      const lines = layouts["bert-small"]!
      const weights = Formula.weights(lines)
      const bert = Bert.make({ width: 48, heads: 4, output: "cls" })
      const file = path.join(folder, "new", "bert.onnx")
      const digest = yield* Architecture.write(bert, weights, file)
      const written = yield* fs.readFile(file)
      assert.strictEqual(Digest.ofBytes(written), digest)
      assert.deepStrictEqual(new Uint8Array(written), yield* Golden.bytes(bert, weights))

      const bad = "encoder.layer.2.output.dense.bias"
      const tensors: Record<string, Tensor.Tensor<"float32">> = {}
      for (const [name] of lines) tensors[name] = yield* weights.read(name)
      tensors[bad] = Tensor.float32([48], new Float32Array(48).fill(NaN, 7, 8))
      const error = yield* Effect.flip(
        Architecture.write(
          bert,
          { ...weights, path: "bad.pt", read: (name) => Effect.succeed(tensors[name]!) },
          path.join(folder, "b")
        )
      )
      assert.strictEqual(error.message, `bad.pt: ${bad} holds numbers that are not finite`)
      assert.deepStrictEqual(yield* fs.readDirectory(folder), ["new"])
      assert.deepStrictEqual(yield* fs.readDirectory(path.join(folder, "new")), ["bert.onnx"])
      const nowhere = yield* Effect.flip(Architecture.write(bert, weights, path.join(file, "below.onnx")))
      assert.include(nowhere.message, "the encoder bert-48-4-cls cannot be written: ")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
