/**
 * Rows of features in files, read and written some at a time: where each sample's row lies, runs of rows that lie one after
 * another, and a safetensors file that is written as the rows come.
 */
import { ioError } from "@igm/io"
import { type Digest, Tensor } from "@igm/tensor"
import { Effect, FileSystem } from "effect"

/** A row of a file in which rows of one width lie from the byte `offset` on. */
export interface Row {
  readonly file: string
  readonly offset: number
  readonly row: number
}

/** The rows of samples by their digests. */
export type Index = ReadonlyMap<Digest.Digest, Row>

/** Rows that lie one after another. */
interface Run extends Row {
  readonly count: number
}

/** Bytes that are read at a time, at most. */
const PIECE = 2 ** 20

/** A run in pieces that are read one at a time. */
const split = function* ({ count, row, ...rest }: Run, bytesPerRow: number): Generator<Run> {
  const most = Math.max(1, Math.floor(PIECE / bytesPerRow))
  for (let done = 0; done < count; done += most) yield { ...rest, row: row + done, count: Math.min(most, count - done) }
}

/** The rows of samples as runs, in the order of the samples. */
const runs = function* (samples: ReadonlyArray<Digest.Digest>, index: Index, bytesPerRow: number): Generator<Run> {
  const rowOf = (i: number) => index.get(samples[i]!)!
  for (let from = 0; from < samples.length;) {
    const first = rowOf(from)
    let to = from + 1
    while (to < samples.length && rowOf(to).file === first.file && rowOf(to).row === first.row + to - from) to++
    yield* split({ ...first, count: to - from }, bytesPerRow)
    from = to
  }
}

/** Fills bytes with those of a file from `start` on. */
export const filled = Effect.fnUntraced(function* (bytes: Uint8Array, path: string, start: number) {
  const fs = yield* FileSystem.FileSystem
  const failed = ioError(path, "read this file")
  const file = yield* fs.open(path).pipe(Effect.mapError(failed))
  for (let done = 0; done < bytes.length;) {
    const count = yield* file
      .read(bytes.subarray(done), { position: BigInt(start + done) })
      .pipe(Effect.mapError(failed))
    if (count === 0) return yield* Effect.fail(failed(new Error(`it ends before byte ${start + bytes.length}`)))
    done += count
  }
  return bytes
}, Effect.scoped)

/** Reads a run some rows at a time (each tensor n × width), which are only lent: the next come to lie in their memory. */
export const each = Effect.fnUntraced(function* <E, R>(
  run: Run,
  width: number,
  read: (rows: Tensor.Tensor<"float32">) => Effect.Effect<unknown, E, R>
) {
  const piece = new Float32Array(Math.max(PIECE / 4, width))
  for (const { file, offset, row, count } of split(run, 4 * width)) {
    const rows = Tensor.float32([count, width], piece.subarray(0, count * width))
    yield* filled(Tensor.bytes(rows), file, offset + 4 * row * width)
    yield* read(rows)
  }
})

/** The byte of a safetensors file at which its tensors begin. */
export const offsetOf = Effect.fn("Rows.offsetOf")(function* (file: string) {
  const bytes = yield* filled(new Uint8Array(8), file, 0)
  return 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true))
})

/** The beginning of a safetensors file that holds `features` (count × width, float32) and nothing else. */
const header = (count: number, width: number): Uint8Array => {
  const json = JSON.stringify({
    features: { dtype: "F32", shape: [count, width], data_offsets: [0, 4 * count * width] }
  })
  const padded = Math.ceil(json.length / 8) * 8
  const out = new Uint8Array(8 + padded)
  new DataView(out.buffer).setBigUint64(0, BigInt(padded), true)
  out.set(new TextEncoder().encode(json.padEnd(padded)), 8)
  return out
}

/** Writes a safetensors file of the rows of samples, some at a time; it is flushed to the disk at the end. */
export const write = Effect.fn("Rows.write")(function* (
  path: string,
  samples: ReadonlyArray<Digest.Digest>,
  index: Index,
  width: number
) {
  const fs = yield* FileSystem.FileSystem
  const failed = Effect.mapError(ioError(path, "write this file"))
  const out = yield* failed(fs.open(path, { flag: "w" }))
  yield* failed(out.writeAll(header(samples.length, width)))
  const piece = new Uint8Array(Math.max(PIECE, 4 * width))
  for (const { file, offset, row, count } of runs(samples, index, 4 * width)) {
    const bytes = piece.subarray(0, 4 * count * width)
    yield* filled(bytes, file, offset + 4 * row * width)
    yield* failed(out.writeAll(bytes))
  }
  yield* failed(out.sync)
}, Effect.scoped)
