/** Random states: tensors of all types, shapes and ways to lie in a storage, and the numbers that they hold. */
import { Keyed, Tensor } from "@igm/tensor"
import { Schema } from "effect"
import { type DType, type State, type Storage, type View, storageNames } from "./TorchWriter.ts"

const Shape = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 }))).check(Schema.isMaxLength(3))

const Described = Schema.Struct({
  name: Schema.NonEmptyString,
  dtype: Schema.Literals(Object.keys(storageNames) as ReadonlyArray<DType>),
  shape: Shape,
  layout: Schema.Literals(["plain", "transposed", "stepped", "repeated", "shared"]),
  isParameter: Schema.Boolean
})

/** Descriptions of the tensors of a state. */
export const Descriptions = Schema.Array(Described).check(Schema.isMinLength(1), Schema.isMaxLength(8))

const sizes = { float64: 8, float32: 4, bfloat16: 2, int64: 8, int32: 4, int16: 2, int8: 1, uint8: 1, bool: 1 }

const rowMajor = (shape: ReadonlyArray<number>): Array<number> =>
  shape.map((_, axis) => Tensor.sizeOf(shape.slice(axis + 1)))

const random = (dtype: DType, count: number, key: string): Storage => {
  const stream = Keyed.stream([key, dtype, count])
  return { dtype, count, bytes: Uint8Array.from({ length: count * sizes[dtype] }, () => stream.uint32()) }
}

/** The state that is described; of several tensors with a name, and of names that wrap a state, the first or none. */
export const stateOf = (described: (typeof Descriptions)["Type"]): State => {
  const storages: Array<Storage> = []
  const views: Array<View> = []
  const names = new Set(["state_dict", "model_state_dict", "model", "__metadata__"])
  for (const { dtype, shape, layout, isParameter, ...rest } of described) {
    const name = rest.name.toWellFormed()
    if (names.has(name)) continue
    names.add(name)
    const size = Tensor.sizeOf(shape)
    const shared = storages.findIndex((other) => other.dtype === dtype && other.count >= size)
    const isShared = layout === "shared" && shared >= 0
    const strides =
      layout === "transposed"
        ? rowMajor(shape.toReversed()).toReversed()
        : layout === "stepped"
          ? rowMajor(shape).map((stride) => 2 * stride)
          : layout === "repeated"
            ? rowMajor(shape).map((stride, axis) => (axis === 0 ? 0 : stride))
            : rowMajor(shape)
    const offset = layout === "stepped" ? 1 : 0
    const storage = isShared ? shared : storages.push(random(dtype, offset + (offset + 1) * size, name)) - 1
    views.push({ name, storage, offset, shape, strides, isParameter })
  }
  return { storages, views }
}

const at = (dtype: DType, view: DataView, i: number): number => {
  switch (dtype) {
    case "float64":
      return Math.fround(view.getFloat64(8 * i, true))
    case "float32":
      return view.getFloat32(4 * i, true)
    case "bfloat16":
      return new DataView(Uint8Array.from([0, 0, view.getUint8(2 * i), view.getUint8(2 * i + 1)]).buffer).getFloat32(
        0,
        true
      )
    case "int64":
      return Math.fround(Number(view.getBigInt64(8 * i, true)))
    case "int32":
      return Math.fround(view.getInt32(4 * i, true))
    case "int16":
      return view.getInt16(2 * i, true)
    case "int8":
      return view.getInt8(i)
    case "uint8":
      return view.getUint8(i)
    case "bool":
      return view.getUint8(i) === 0 ? 0 : 1
  }
}

/** The numbers of a tensor of a state, row-major, looked up one by one. */
export const numbers = ({ storages }: State, { storage, offset, shape, strides }: View): ReadonlyArray<number> => {
  const { dtype, bytes } = storages[storage]!
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: Tensor.sizeOf(shape) }, (_, n) => {
    const index = rowMajor(shape).map((stride, axis) => Math.floor(n / stride) % shape[axis]!)
    return at(dtype, view, offset + index.reduce((sum, i, axis) => sum + i * strides[axis]!, 0))
  })
}
