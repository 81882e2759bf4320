/**
 * The Free Spoken Digit Dataset (Zohar Jackson and others, CC BY-SA 4.0): 3,000 recordings of spoken digits by six
 * speakers. It is not part of this project; this downloads it.
 */
import { Folder, ioError } from "@igm/io"
import { Leftovers } from "@igm/media"
import { Effect, FileSystem, Path, Schema, Stream } from "effect"
import { Tar } from "effect/encoding"
import { gunzipSync } from "node:zlib"

/** The archive of version 1.0.10. */
export const ARCHIVE = "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.tar.gz"

/** An archive that could not be had. */
export class DownloadError extends Schema.TaggedError<DownloadError>()("DownloadError", {
  url: Schema.String,
  problem: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `${this.url}: ${this.problem}`
  }
}

/** Bytes of an archive, and of what is in it, at most; the recordings have some 25 million. */
const MOST = 100_000_000

const wholeOf = async ({ body }: Response): Promise<Buffer> => {
  const parts: Array<Uint8Array> = []
  let length = 0
  for await (const part of body ?? []) {
    length += part.length
    if (length > MOST) throw new RangeError(`more than ${MOST} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts)
}

const RECORDING = /\/recordings\/([^/]+\.wav)$/

/** Downloads the archive and puts its recordings into a folder, which appears when it is complete; returns their number. */
export const download = Effect.fn("Fsdd.download")(function* (url: string, into: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const fail = (problem: string) => (cause: unknown) => new DownloadError({ url, problem, cause })
  if (yield* fs.exists(into).pipe(Effect.mapError(ioError(into, "look for this folder")))) {
    return yield* new DownloadError({ url, problem: `not downloaded, because ${into} exists already` })
  }
  const response = yield* Effect.tryPromise({
    try: (signal) => fetch(url, { signal }),
    catch: fail("it cannot be reached; is this machine online?")
  })
  if (!response.ok) return yield* fail(`the server answered ${response.status}`)(undefined)
  const archive = yield* Effect.tryPromise({
    try: async () => gunzipSync(await wholeOf(response), { maxOutputLength: MOST }),
    catch: (cause) =>
      fail(
        cause instanceof RangeError
          ? `what the server sent is not the archive: it has more than ${MOST} bytes`
          : "what the server sent is not a gzip archive, or not all of it"
      )(cause)
  })
  const parent = path.dirname(path.resolve(into))
  const scratch = yield* Effect.acquireRelease(
    Folder.make(parent).pipe(
      Effect.andThen(fs.makeTempDirectory({ directory: parent, prefix: ".partial-" })),
      Effect.mapError(ioError(parent, "write into this folder"))
    ),
    (scratch) => Effect.ignore(fs.remove(scratch, { recursive: true, force: true }))
  )
  const count = yield* Stream.make(new Uint8Array(archive)).pipe(
    Stream.pipeThroughChannel(Tar.decode()),
    Stream.mapEffect((entry) => {
      const name = RECORDING.exec(entry.header.path)?.[1]
      if (name === undefined || Leftovers.is(name)) return Effect.succeed(0)
      return Stream.runCollect(entry.body).pipe(
        Effect.flatMap((parts) => fs.writeFile(path.join(scratch, name), Buffer.concat(parts))),
        Effect.as(1)
      )
    }),
    Stream.runFold(
      () => 0,
      (total, n) => total + n
    ),
    Effect.mapError(fail("its recordings cannot be extracted"))
  )
  if (count === 0) return yield* fail("it holds no recordings/*.wav")(undefined)
  yield* fs.rename(scratch, into).pipe(Effect.mapError(ioError(into, "write this folder")))
  return count
}, Effect.scoped)
