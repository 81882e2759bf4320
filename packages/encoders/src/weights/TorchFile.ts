/**
 * Tensors of the files that `torch.save` writes (`.pth`, `.pt`), read one at a time. Both formats hold a pickle, of which
 * nothing is run, and the numbers that its tensors are views of: the zip archive as files of their own with checksums; the
 * older format one after the other behind the pickle, without any, so that only a pinned digest of the file shows a changed
 * number there. A tensor whose elements do not lie together is read with what lies between them.
 */
import { Tensor } from "@igm/tensor"
import { Effect } from "effect"
import * as Elements from "./Elements.ts"
import { EndsEarly, malformed } from "./Malformed.ts"
import * as Pickle from "./Pickle.ts"
import { type Value, is } from "./PickleValue.ts"
import { type RangedFile } from "./RangedFile.ts"
import * as Names from "./TorchNames.ts"
import * as TorchState from "./TorchState.ts"
import * as TorchTensor from "./TorchTensor.ts"
import * as ZipFile from "./ZipFile.ts"

/** Reads a range of the bytes of a storage. */
type Read = ZipFile.Member["read"]

/** Larger pickles are refused; one that describes a thousand tensors has about a tenth of a megabyte. */
const MAX_PICKLE = 32 * 2 ** 20
/** The bytes of an older file that are read first, in search of the end of its pickles. */
const WINDOWS = [2 ** 20, MAX_PICKLE]

const storedOf = (view: TorchTensor.View, read: Read, isBigEndian: boolean): Elements.Stored => {
  const { dtype, shape, offset } = view
  const size = Elements.bytesOf(dtype)
  const bytes = Effect.gen(function* () {
    if (Tensor.sizeOf(shape) === 0) return new Uint8Array(0)
    const raw = yield* read(offset * size, Elements.reach(view) * size)
    const ordered = isBigEndian ? Elements.swap(dtype, raw) : raw
    return Elements.isRowMajor(view) ? ordered : Elements.gather(dtype, view, ordered)
  })
  return { dtype, shape, bytes }
}

const storedIn = (
  views: ReadonlyMap<string, TorchTensor.View>,
  storages: ReadonlyMap<string, Read>,
  isBigEndian: boolean
): ReadonlyMap<string, Elements.Stored> =>
  new Map(
    [...views].map(([name, view]) => {
      const read = storages.get(view.storage) ?? malformed(`${name}: its storage ${view.storage} is not in the file`)
      return [name, storedOf(view, read, isBigEndian)]
    })
  )

const readWhole = ({ read, size }: ZipFile.Member) => read(0, size)

/** The text of a small file; nothing where it is a large one. */
const textOf = (member: ZipFile.Member) =>
  member.size > 64
    ? Effect.succeed("")
    : Effect.map(readWhole(member), (bytes) => Buffer.from(bytes).toString("latin1"))

/** The tensors of a zip archive, by name. */
export const openZip = Effect.fn("TorchFile.openZip")(function* (file: RangedFile) {
  const members = yield* ZipFile.open(file)
  const pickles = [...members.values()].filter(({ name }) => /^[^/]*\/data\.pkl$/.test(name))
  const [pickle] = pickles
  if (pickle === undefined || pickles.length > 1) {
    return yield* file.fail("this zip archive was not written by torch.save: it has no data.pkl in its folder")
  }
  const folder = pickle.name.slice(0, -"data.pkl".length)
  // Its code is compressed, which no file of weights has.
  if (members.has(`${folder}constants.pkl`) || [...members.keys()].some((name) => name.startsWith(`${folder}code/`))) {
    return yield* file.fail("this is a TorchScript program: load it in Python and save its state_dict() instead")
  }
  if (pickle.size > MAX_PICKLE) return yield* file.fail(`its pickle has ${pickle.size} bytes, more than ${MAX_PICKLE}`)

  const byteorder = members.get(`${folder}byteorder`)
  const order = byteorder === undefined ? "little" : yield* textOf(byteorder)
  if (order !== "little" && order !== "big") return yield* file.fail(`its byte order is neither little nor big`)

  const bytes = yield* readWhole(pickle)
  return yield* file.parse(() => {
    const { value, end, saved } = Pickle.parse(bytes, 0, Names.allowed)
    if (end !== bytes.length) malformed(`the pickle ends at byte ${end} of ${bytes.length}`)
    const storages = new Map<string, Read>()
    for (const { key, dtype, count } of saved.map(TorchTensor.storageOf)) {
      const member = members.get(`${folder}data/${key}`) ?? malformed(`its storage ${key} is not in the archive`)
      const expected = count * Elements.bytesOf(dtype)
      if (member.size !== expected) malformed(`its storage ${key} has ${member.size} bytes, not ${expected}`)
      storages.set(key, member.read)
    }
    return storedIn(TorchState.tensorsOf(value), storages, order === "big")
  })
})

/** The number that begins a file in the older format, and the version of the format. */
const MAGIC = 0x1950a86a20f9469cfc6cn
const VERSION = 1001

interface Legacy {
  readonly views: ReadonlyMap<string, TorchTensor.View>
  /** The storages in the file's order. */
  readonly storages: ReadonlyArray<TorchTensor.Storage>
  /** The byte at which they begin. */
  readonly start: number
}

/** The contents of the five pickles that an older file begins with. */
const parseLegacy = (bytes: Uint8Array): Legacy => {
  const magic = Pickle.parse(bytes, 0, Names.allowed)
  if (magic.value !== MAGIC) malformed("this is a pickle, but not one of a file that torch.save wrote")
  const version = Pickle.parse(bytes, magic.end, Names.allowed)
  if (version.value !== VERSION) malformed(`its format's version is not ${VERSION}`)
  const system = Pickle.parse(bytes, version.end, Names.allowed)
  const state = Pickle.parse(bytes, system.end, Names.allowed)
  const keys = Pickle.parse(bytes, state.end, Names.allowed)
  if (!is(keys.value, "List")) return malformed("it has no list of its storages")

  const known = new Map<Value, TorchTensor.Storage>()
  for (const storage of state.saved.map(TorchTensor.storageOf)) {
    const other = known.get(storage.key) ?? storage
    if (other.count !== storage.count || other.dtype !== storage.dtype)
      malformed(`storage ${storage.key} has two sizes`)
    known.set(storage.key, storage)
  }
  const storages = keys.value.items.map((key) => known.get(key) ?? malformed("it lists a storage that nothing uses"))
  if (new Set(storages).size !== storages.length) malformed("it lists a storage twice")
  return { views: TorchState.tensorsOf(state.value), storages, start: keys.end }
}

/** The tensors of a file in the older format, by name. */
export const openLegacy = Effect.fn("TorchFile.openLegacy")(function* (file: RangedFile) {
  let parsed: Legacy | undefined
  for (const window of WINDOWS) {
    const bytes = yield* file.read(0, Math.min(window, file.size))
    const isLast = window === MAX_PICKLE || window >= file.size
    parsed = yield* file.parse(() => {
      try {
        return parseLegacy(bytes)
      } catch (cause) {
        if (cause instanceof EndsEarly && !isLast) return undefined
        throw cause
      }
    })
    if (parsed !== undefined) break
  }
  const { views, storages, start } = parsed!

  const reads = new Map<string, Read>()
  let at = start
  for (const { key, dtype, count } of storages) {
    const head = yield* file.read(at, 8)
    const found = new DataView(head.buffer).getBigInt64(0, true)
    if (found !== BigInt(count))
      return yield* file.fail(`storage ${key} at byte ${at} has ${found} elements, not ${count}`)
    const first = at + 8
    const end = first + count * Elements.bytesOf(dtype)
    if (end > file.size) {
      return yield* file.fail(`storage ${key} ends at byte ${end} of ${file.size}: it was cut off, fetch it again`)
    }
    reads.set(key, (from, length) => file.read(first + from, length))
    at = end
  }
  if (at !== file.size) return yield* file.fail(`the storages end at byte ${at} of ${file.size}`)
  return yield* file.parse(() => storedIn(views, reads, false))
})
