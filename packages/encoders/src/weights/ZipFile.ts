/**
 * A zip archive of files, of which any range is read without the rest where they are stored as they are. A file's CRC-32 is
 * checked before anything of it is handed on: the whole file is read for that, once, however little of it is wanted.
 */
import { Effect, FiberSet } from "effect"
import { crc32 } from "node:zlib"
import * as Yauzl from "./Yauzl.ts"
import { EncoderError } from "../EncoderError.ts"
import { type RangedFile } from "./RangedFile.ts"

/** A file of an archive. */
export interface Member {
  readonly name: string
  /** In bytes. */
  readonly size: number
  /** The bytes from `start` on, in memory of their own. */
  readonly read: (start: number, length: number) => Effect.Effect<Uint8Array<ArrayBuffer>, EncoderError>
}

const MAX_MEMBERS = 100_000
/** The bytes that are read at a time of a file of which less is wanted. */
const PIECE = 4 * 2 ** 20

class Reader extends Yauzl.RandomAccessReader {
  readonly bytesAt: (position: number, length: number) => Promise<Uint8Array>

  constructor(bytesAt: Reader["bytesAt"]) {
    super()
    this.bytesAt = bytesAt
  }

  override read(buffer: Buffer, offset: number, length: number, position: number, callback: Yauzl.Callback): void {
    this.bytesAt(position, length).then((bytes) => {
      buffer.set(bytes, offset)
      callback(null, length)
    }, callback)
  }
}

const list = async (zip: Yauzl.ZipFile): Promise<ReadonlyArray<Yauzl.Entry>> => {
  if (zip.entryCount > MAX_MEMBERS) throw new Error(`it claims ${zip.entryCount} files`)
  const entries: Array<Yauzl.Entry> = []
  for await (const entry of zip.eachEntry()) entries.push(entry)
  return entries
}

/** The files of an archive, by their names in it; they are read within the scope. */
export const open = Effect.fn("ZipFile.open")(function* (file: RangedFile) {
  const damaged = (reason: string) => file.fail(`the zip archive is damaged or was cut off (${reason}): fetch it again`)
  const attempt = <A>(run: () => Promise<A>) =>
    Effect.tryPromise({
      try: run,
      catch: (cause) => damaged(cause instanceof EncoderError ? cause.problem : (cause as Error).message)
    })

  const run = yield* FiberSet.makeRuntimePromise<never, Uint8Array, EncoderError>()
  const reader = new Reader((position, length) => run(file.read(position, length)))
  const zip = yield* attempt(() => Yauzl.fromRandomAccessReaderPromise(reader, file.size, { autoClose: false }))
  const entries = yield* attempt(() => list(zip))

  /** The byte at which a file begins; its own header must bear the name that the archive's directory gives it. */
  const locate = Effect.fnUntraced(function* (entry: Yauzl.Entry) {
    const header = yield* attempt(() => zip.readLocalFileHeaderPromise(entry))
    if (!header.fileName.equals(entry.fileNameRaw)) return yield* damaged(`${entry.fileName} has two names`)
    return header.fileDataStart
  })

  const member = (entry: Yauzl.Entry): Member => {
    const { fileName: name, uncompressedSize: size } = entry
    const wrong = () => damaged(`${name} has another checksum than it should`)
    let checked = false

    const read = Effect.fnUntraced(function* (start: number, length: number) {
      if (entry.isEncrypted() || entry.compressionMethod !== 0) {
        return yield* file.fail(`${name} in the zip archive is compressed or encrypted, which torch.save does not do`)
      }
      const at = yield* locate(entry)
      if (checked) return yield* file.read(at + start, length)
      if (start === 0 && length === size) {
        const bytes = yield* file.read(at, size)
        if (crc32(bytes) !== entry.crc32) return yield* wrong()
        checked = true
        return bytes
      }
      let crc = 0
      for (let done = 0; done < size; done += PIECE) {
        crc = crc32(yield* file.read(at + done, Math.min(PIECE, size - done)), crc)
      }
      if (crc !== entry.crc32) return yield* wrong()
      checked = true
      return yield* file.read(at + start, length)
    })
    return { name, size, read }
  }

  const members = new Map<string, Member>()
  for (const entry of entries) {
    const name = entry.fileName
    if (members.has(name)) return yield* damaged(`two files are named ${name}`)
    members.set(name, member(entry))
  }
  return members as ReadonlyMap<string, Member>
})
