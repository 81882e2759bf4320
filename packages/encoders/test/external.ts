/** A model whose weights lie in a file of their own, written field by field: y = x W, of 4 numbers to 3. */
import { Tensor } from "@igm/tensor"

const varint = (value: number): Array<number> =>
  value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(Math.floor(value / 0x80))]

/** A field of a protobuf message that holds a number, or else a text or messages one after another. */
const field = (number: number, ...parts: ReadonlyArray<number | string | Uint8Array>): Uint8Array => {
  const [first] = parts
  if (typeof first === "number") return Uint8Array.from([...varint(8 * number), ...varint(first)])
  const body = Buffer.concat(parts.map((part) => Buffer.from(part as string)))
  return Buffer.concat([Uint8Array.from([...varint(8 * number + 2), ...varint(body.length)]), body])
}

const port = (name: string, width: number) => [
  field(1, name),
  field(2, field(1, field(1, 1), field(2, field(1, field(2, "batch")), field(1, field(1, width)))))
]

/** The weights, W of scale times 0, 1, … 11. */
export const weights = (scale: number): Uint8Array =>
  Tensor.bytes(
    Tensor.float32(
      [12],
      Array.from({ length: 12 }, (_, i) => scale * i)
    )
  )

/** The bytes of the model, which says that its weights lie there. */
export const model = (location: string): Uint8Array => {
  const tensor = [
    field(1, 4),
    field(1, 3),
    field(2, 1),
    field(8, "w"),
    field(13, field(1, "location"), field(2, location)),
    field(14, 1)
  ]
  const graph = [
    field(1, field(1, "x"), field(1, "w"), field(2, "y"), field(4, "MatMul")),
    field(2, "product"),
    field(5, ...tensor),
    field(11, ...port("x", 4)),
    field(12, ...port("y", 3))
  ]
  return Buffer.concat([field(1, 8), field(7, ...graph), field(8, field(2, 17))])
}
