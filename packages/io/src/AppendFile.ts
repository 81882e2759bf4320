/**
 * An append-only file of JSON lines that survives a kill at any byte. A line is `{"chain":"…", …record}`: the record's
 * canonical JSON after a digest of the record and the line before, so that an edited, missing or moved line is detected
 * at that line or the next. (A file without its last whole lines is still valid; to detect that, keep the digest that
 * `append` returns.) Only the last line can be incomplete, after a kill, and then has no newline; it is cut off when
 * the file is opened again.
 *
 * One writer at a time: hold the folder (`Lock`).
 */
import { createHash } from "node:crypto"
import { Digest } from "@igm/tensor"
import { Effect, FileSystem, Option, Path, Result, Schema, type Scope, Semaphore } from "effect"
import * as AtomicFile from "./AtomicFile.ts"
import * as Folder from "./Folder.ts"
import { type IoError, ioError } from "./IoError.ts"

/** A line differs from the one that was appended, or a record cannot be appended; lines count from 1. */
export class AppendFileError extends Schema.TaggedError<AppendFileError>()("AppendFileError", {
  path: Schema.String,
  line: Schema.Int,
  problem: Schema.String
}) {
  override get message(): string {
    return `${this.path}, line ${this.line}: ${this.problem}`
  }
}

/** The type of records: objects whose JSON has no member `chain`. */
type Row = { readonly [name: string]: unknown; readonly chain?: never }

/** A file open for appending. */
export interface AppendFile<A> {
  /** The records in the file when it was opened. */
  readonly records: ReadonlyArray<A>
  /** The digest in the last of them, "" if there are none. */
  readonly chain: string
  /** Bytes of a half-written last line that were cut off; 0 if it was whole. */
  readonly recovered: number
  /**
   * Appends a record by one write and returns its digest; `flush` waits until it is on the disk. Calls write in their
   * order, and a failure for lack of space leaves the file as it was.
   */
  readonly append: (
    record: A,
    options?: { readonly flush?: boolean }
  ) => Effect.Effect<string, IoError | AppendFileError>
}

type Members = { readonly [name: string]: Digest.Json }

const lineOf = (before: string, record: Members) => {
  const json = Digest.canonicalJson(record)
  const chain = createHash("sha256").update(before).update(json).digest("hex").slice(0, 16)
  return { chain, text: `{"chain":"${chain}"${json === "{}" ? "" : ","}${json.slice(1)}` }
}

const LineJson = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json))
const decodeText = Schema.decodeUnknownOption(LineJson)

/** Parses a line; none if it is not JSON, or nested too deeply. */
const decodeLine = (text: string) => Option.flatten(Result.getSuccess(Result.try(() => decodeText(text))))
const utf8 = new TextDecoder()
const NEWLINE = 10

const scan = Effect.fnUntraced(function* <A, I extends Row>(
  path: string,
  schema: Schema.Codec<A, I>,
  bytes: Uint8Array
) {
  const decode = Schema.decodeUnknownEffect(Schema.toCodecJson(schema))
  const records: Array<A> = []
  let chain = ""
  let end = 0
  for (let next = bytes.indexOf(NEWLINE); next >= 0; next = bytes.indexOf(NEWLINE, end)) {
    const line = records.length + 1
    const keep = `the lines before it are whole: keep those alone (head -n ${line - 1}), or restore the file from a copy`
    const damaged = (problem: string) => new AppendFileError({ path, line, problem })
    const bytesOfLine = bytes.subarray(end, next)
    const parsed = decodeLine(utf8.decode(bytesOfLine))
    if (parsed._tag === "None") return yield* damaged(`this is no JSON object; ${keep}`)
    const { chain: _, ...record } = parsed.value
    const expected = Result.getOrUndefined(Result.try(() => lineOf(chain, record)))
    if (expected === undefined || !Buffer.from(expected.text).equals(bytesOfLine))
      return yield* damaged(`this line was edited, moved, or lost one before it; ${keep}`)
    records.push(
      yield* decode(record).pipe(
        Effect.mapError(({ message }) =>
          damaged(`this record is of another kind; read it with the version that wrote it (${message})`)
        )
      )
    )
    chain = expected.chain
    end = next + 1
  }
  // A kill leaves the beginning of a line, never a whole one that ends in something else.
  const beginning = decodeLine(utf8.decode(bytes.subarray(end, -1)))
  if (beginning._tag === "Some") {
    const problem =
      "this line ends in another byte than was written; end it with a newline, or restore the file from a copy"
    return yield* new AppendFileError({ path, line: records.length + 1, problem })
  }
  return { records, chain, end }
})

/** Reads a file without changing it; `torn` is the number of bytes of an incomplete last line, which is left out. */
export const read = Effect.fn("AppendFile.read")(function* <A, I extends Row>(
  path: string,
  schema: Schema.Codec<A, I>
) {
  const fs = yield* FileSystem.FileSystem
  yield* AtomicFile.regular(path)
  const bytes = yield* fs.readFile(path).pipe(Effect.mapError(ioError(path, "read this file")))
  const { records, chain, end } = yield* scan(path, schema, bytes)
  return { records, chain, torn: bytes.length - end }
})

/**
 * Opens a file for appending until the scope closes, and creates it if necessary; an incomplete last line is cut off.
 */
export const open: <A, I extends Row>(
  path: string,
  schema: Schema.Codec<A, I>
) => Effect.Effect<AppendFile<A>, IoError | AppendFileError, FileSystem.FileSystem | Path.Path | Scope.Scope> =
  Effect.fn("AppendFile.open")(function* <A, I extends Row>(path: string, schema: Schema.Codec<A, I>) {
    const fs = yield* FileSystem.FileSystem
    const paths = yield* Path.Path
    const failed = ioError(path, "append to this file")
    yield* Effect.mapError(Folder.make(paths.dirname(path)), failed)
    const file = yield* Effect.mapError(fs.open(path, { flag: "a" }), failed)
    const { records, chain, torn } = yield* read(path, schema)

    let size = Number((yield* Effect.mapError(file.stat, failed)).size) - torn
    let line = records.length + 1
    let last = chain
    let whole = torn === 0
    const cut = Effect.suspend(() => (whole ? Effect.void : Effect.andThen(file.truncate(size), file.sync))).pipe(
      Effect.tap(() => Effect.sync(() => (whole = true)))
    )
    yield* Effect.mapError(cut, failed)

    const encode = Schema.encodeEffect(Schema.toCodecJson(schema))
    const write = Effect.fnUntraced(function* (record: A, flush: boolean) {
      const json = yield* encode(record).pipe(
        Effect.mapError(
          ({ message }) =>
            new AppendFileError({ path, line, problem: `this record does not fit its schema (${message})` })
        )
      )
      const { chain, text } = lineOf(last, json as Members)
      const bytes = new TextEncoder().encode(`${text}\n`)
      yield* Effect.mapError(cut, failed)
      whole = false
      yield* file.writeAll(bytes).pipe(
        Effect.tapError(() => Effect.ignore(cut)),
        Effect.mapError(failed)
      )
      whole = true
      size += bytes.length
      line += 1
      last = chain
      if (flush) yield* Effect.mapError(file.sync, failed)
      return chain
    }, Effect.uninterruptible)
    const turn = yield* Semaphore.make(1)
    return {
      records,
      chain,
      recovered: torn,
      append: (record: A, options?: { readonly flush?: boolean }) =>
        turn.withPermits(1)(write(record, options?.flush === true))
    }
  })
