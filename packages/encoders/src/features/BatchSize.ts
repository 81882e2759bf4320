/**
 * The number of samples that are encoded at a time, where nobody says it. On the processor it is one that keeps its cores busy;
 * on a device it is one that fits, by the size of a sample's tensors and the encoder's activations. It depends on the encoder
 * and the kind of device alone, not on the machine: a batch's size may change the bits that a device gives.
 */
import { Activations, ModelFile, type Provider } from "@igm/onnx"
import { Effect } from "effect"
import * as Encoder from "../Encoder.ts"
import type { Ports } from "../graphs/Port.ts"

/** Samples of a batch on the processor. */
const ON_PROCESSOR = 32

/** Samples of a batch on a device, at most: more of them keep none busier. */
const ON_DEVICE = 256

/** Bytes of the tensors of a batch, at most; some batches are in memory at a time. */
const TENSORS = { cpu: 2 ** 26, device: 2 ** 27 }

/** Bytes that the busiest node of an encoder may read and write for a batch on a device: a few times that are in use. */
const ACTIVATIONS = 2 ** 30

/** Sizes that an encoder leaves free, taken to be these: words of a long text, and pixels of a side. */
const FREE = { int64: 512, float32: 224 }

/** The shapes of one sample's tensors, with a batch axis of 1. */
const shapesOf = (ports: Ports, free: (port: Ports[string]) => number) =>
  Object.fromEntries(
    Object.entries(ports).map(([name, port]) => [
      name,
      [1, ...port.shape.map((size) => (typeof size === "number" ? size : free(port)))]
    ])
  )

const bytesOf = (ports: Ports, shapes: { readonly [input: string]: ReadonlyArray<number> }): number =>
  Object.entries(ports).reduce(
    (sum, [name, { dtype }]) => sum + (dtype === "int64" ? 8 : 4) * shapes[name]!.reduce((a, b) => a * b, 1),
    0
  )

/** The largest power of two of samples that take so many bytes each and are not more than `most` together; 1 at least. */
const fitting = (bytes: number, most: number): number => 2 ** Math.max(0, Math.floor(Math.log2(most / bytes)))

/** Bytes that the busiest node of an encoder reads and writes for one sample; 0 where its file cannot be read. */
const activationsOf = Effect.fnUntraced(
  function* (encoder: Encoder.Encoder) {
    const { inputs } = yield* ModelFile.read(encoder.file)
    const ports = Encoder.statedInputs(encoder, inputs[0]?.name)
    return yield* Activations.bytes(
      encoder.file,
      shapesOf(ports, ({ dtype }) => FREE[dtype])
    )
  },
  Effect.orElseSucceed(() => 0)
)

/** The batch of an encoder on a provider. */
export const of = Effect.fn("BatchSize.of")(function* (encoder: Encoder.Encoder, provider: Provider) {
  const ports = Encoder.statedInputs(encoder)
  const bytes = (free: (port: Ports[string]) => number) => bytesOf(ports, shapesOf(ports, free))
  if (provider === "cpu") return Math.max(1, Math.min(ON_PROCESSOR, Math.floor(TENSORS.cpu / bytes(() => 1))))
  const tensors = bytes(({ dtype }) => FREE[dtype])
  const activations = Math.max(tensors, yield* activationsOf(encoder))
  return Math.min(ON_DEVICE, fitting(tensors, TENSORS.device), fitting(activations, ACTIVATIONS))
})
