/**
 * The names of Python's that files of weights made by torch are written with, and what they mean here. The pickle of a state
 * dict asks for them; a pickle that asks for others is refused.
 */
import { type DType } from "./Elements.ts"

const storages: { readonly [name: string]: DType } = {
  DoubleStorage: "float64",
  FloatStorage: "float32",
  HalfStorage: "float16",
  BFloat16Storage: "bfloat16",
  LongStorage: "int64",
  IntStorage: "int32",
  ShortStorage: "int16",
  CharStorage: "int8",
  ByteStorage: "uint8",
  BoolStorage: "bool"
}

/** The element type of each kind of storage; that of bytes without a type is `uint8`. */
export const storageTypes: ReadonlyMap<string, DType> = new Map([
  ...Object.entries(storages).flatMap(([name, dtype]) => [
    [`torch.${name}`, dtype] as const,
    [`torch.cuda.${name}`, dtype] as const
  ]),
  ["torch.storage.UntypedStorage", "uint8"],
  ["torch.UntypedStorage", "uint8"]
])

const dtypeNames: ReadonlyArray<DType> = [
  "float64",
  "float32",
  "float16",
  "bfloat16",
  "int64",
  "int32",
  "int16",
  "int8",
  "uint64",
  "uint32",
  "uint16",
  "uint8",
  "bool"
]

/** The element types by torch's names. */
export const dtypes: ReadonlyMap<string, DType> = new Map(dtypeNames.map((dtype) => [`torch.${dtype}`, dtype]))

/** The functions called for a tensor with a storage, an offset, a size and strides. */
export const tensorMakers: ReadonlySet<string> = new Set([
  "torch._utils._rebuild_tensor",
  "torch._utils._rebuild_tensor_v2",
  "torch._utils._rebuild_tensor_v3"
])

/** Classes of tensors, to which the oldest files give the same as a state. */
export const tensorClasses: ReadonlySet<string> = new Set(
  ["Double", "Float", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool"].flatMap((type) => [
    `torch.${type}Tensor`,
    `torch.cuda.${type}Tensor`
  ])
)

/** The functions called for a parameter, with a tensor. */
export const parameterMakers: ReadonlySet<string> = new Set([
  "torch.nn.parameter.Parameter",
  "torch.nn.parameter.Buffer",
  "torch._utils._rebuild_parameter",
  "torch._utils._rebuild_parameter_with_state"
])

/** The functions called for a tensor with attributes: with a function, a class, and the function's arguments. */
export const ATTRIBUTED = "torch._tensor._rebuild_from_type_v2"

export const SIZE = "torch.Size"

/** The functions called for a dict with an order of its own, or with a default. */
export const dictMakers: ReadonlySet<string> = new Set([
  "collections.OrderedDict",
  "collections.defaultdict",
  "collections.Counter"
])

/** Other names that stand in checkpoints beside weights, and is passed over. */
const companions = [
  "torch.Tensor",
  "torch.device",
  "torch.serialization._get_layout",
  "argparse.Namespace",
  "_codecs.encode",
  "numpy.dtype",
  "numpy.ndarray",
  ...["numpy.core", "numpy._core"].flatMap((module) => [
    `${module}.multiarray.scalar`,
    `${module}.multiarray._reconstruct`
  ]),
  ...["builtins", "__builtin__"].flatMap((module) =>
    ["set", "frozenset", "list", "dict", "tuple", "int", "float", "bool", "complex", "bytearray"].map(
      (name) => `${module}.${name}`
    )
  )
]

/** All names that a pickle may ask for. */
export const allowed: ReadonlySet<string> = new Set([
  ...storageTypes.keys(),
  ...dtypes.keys(),
  ...tensorMakers,
  ...tensorClasses,
  ...parameterMakers,
  ATTRIBUTED,
  SIZE,
  ...dictMakers,
  ...companions
])
