/**
 * Tensors of a safetensors file, read one at a time. The header is checked as a whole when the file is opened: the tensors
 * must fill the bytes after it. There are no checksums: only a pinned digest of the file shows a changed number.
 */
import { Safetensors } from "@igm/tensor"
import { Effect } from "effect"
import { type DType, type Stored } from "./Elements.ts"
import { type RangedFile } from "./RangedFile.ts"

const dtypes: ReadonlyMap<string, DType> = new Map([
  ["F64", "float64"],
  ["F32", "float32"],
  ["F16", "float16"],
  ["BF16", "bfloat16"],
  ["I64", "int64"],
  ["I32", "int32"],
  ["I16", "int16"],
  ["I8", "int8"],
  ["U64", "uint64"],
  ["U32", "uint32"],
  ["U16", "uint16"],
  ["U8", "uint8"],
  ["BOOL", "bool"]
])

/** The tensors of the file, by name. */
export const open = Effect.fn("SafetensorsFile.open")(function* (file: RangedFile) {
  const first = yield* file.read(0, Math.min(8, file.size))
  const length = yield* file.parse(() => Safetensors.headerLength(first, file.size))
  const start = 8 + length
  const json = yield* file.read(8, length)
  const { tensors } = yield* file.parse(() => Safetensors.header(json, file.size - start))
  return new Map(
    [...tensors].map(([name, located]): readonly [string, Stored] => [
      name,
      {
        dtype: dtypes.get(located.dtype)!,
        shape: located.shape,
        // Made when it is asked for: a file may have a million tensors.
        get bytes() {
          return file.read(start + located.start, located.end - located.start)
        }
      }
    ])
  ) as ReadonlyMap<string, Stored>
})
