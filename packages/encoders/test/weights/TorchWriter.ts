/** Files as `torch.save` writes them, of tensors that are views of storages. */
import * as P from "./Pickled.ts"
import { type File, zip } from "./ZipWriter.ts"

export const storageNames = {
  float64: "DoubleStorage",
  float32: "FloatStorage",
  bfloat16: "BFloat16Storage",
  int64: "LongStorage",
  int32: "IntStorage",
  int16: "ShortStorage",
  int8: "CharStorage",
  uint8: "ByteStorage",
  bool: "BoolStorage"
} as const

export type DType = keyof typeof storageNames

export interface Storage {
  readonly dtype: DType
  readonly count: number
  readonly bytes: Uint8Array
}

export interface View {
  readonly name: string
  /** Which of the storages. */
  readonly storage: number
  readonly offset: number
  readonly shape: ReadonlyArray<number>
  readonly strides: ReadonlyArray<number>
  readonly isParameter: boolean
}

export interface State {
  readonly storages: ReadonlyArray<Storage>
  readonly views: ReadonlyArray<View>
}

const ordered = [...P.global("collections", "OrderedDict"), ...P.tuple(), ...P.reduce]

export const storage = ({ dtype, count }: Storage, key: number, isLegacy: boolean): P.Bytes => {
  const id = [P.str("storage"), P.global("torch", storageNames[dtype]), P.str(String(key)), P.str("cpu"), P.int(count)]
  return [...P.tuple(...id, ...(isLegacy ? [P.none] : [])), ...P.persistent]
}

export const tensor = (saved: P.Bytes, { offset, shape, strides }: Omit<View, "name" | "storage" | "isParameter">) => [
  ...P.global("torch._utils", "_rebuild_tensor_v2"),
  ...P.tuple(
    saved,
    P.int(offset),
    P.tuple(...shape.map(P.int)),
    P.tuple(...strides.map(P.int)),
    P.bool(false),
    ordered
  ),
  ...P.reduce
]

const parameter = (value: P.Bytes): P.Bytes => [
  ...P.global("torch._utils", "_rebuild_parameter"),
  ...P.tuple(value, P.bool(true), ordered),
  ...P.reduce
]

/** The state dict, as a part of a pickle. */
export const dict = ({ storages, views }: State, isLegacy: boolean): P.Bytes =>
  P.dict(
    ...views.map((view) => {
      const value = tensor(storage(storages[view.storage]!, view.storage, isLegacy), view)
      return [P.str(view.name), view.isParameter ? parameter(value) : value] as const
    })
  )

/** The files of an archive with this pickle. */
export const members = (pickle: Uint8Array, storages: State["storages"], byteorder = "little"): ReadonlyArray<File> => [
  { name: "archive/data.pkl", bytes: pickle },
  { name: "archive/byteorder", bytes: Buffer.from(byteorder) },
  ...storages.map(({ bytes }, i) => ({ name: `archive/data/${i}`, bytes })),
  { name: "archive/version", bytes: Buffer.from("3\n") }
]

export const zipFile = (state: State): Uint8Array => zip(members(P.pickle(dict(state, false)), state.storages))

/** A file in the older format around the pickled state. */
export const legacy = (pickled: P.Bytes, storages: State["storages"]): Uint8Array => {
  const used = storages.map((_, i) => i)
  const parts = [
    P.pickle(P.long(0x1950a86a20f9469cfc6cn, 10)),
    P.pickle(P.int(1001)),
    P.pickle(P.dict([P.str("little_endian"), P.bool(true)])),
    P.pickle(pickled),
    P.pickle(P.list(...used.map((i) => P.str(String(i))))),
    ...storages.flatMap(({ count, bytes }) => [Uint8Array.from(P.little(count, 8)), bytes])
  ]
  return Uint8Array.from(Buffer.concat(parts))
}

export const legacyFile = (state: State): Uint8Array => legacy(dict(state, true), state.storages)
