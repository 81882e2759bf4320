/**
 * Pictures of films, one a second, for data sets that are read as pictures: every frame whose number is a multiple of the
 * whole part of the frames a second, as JPEG of quality 95. A folder of pictures appears when all of them are made, so that
 * what was stopped goes on where it was.
 */
import { AtomicFile } from "@igm/io"
import { Effect, FileSystem, Path, Stream } from "effect"
import sharp from "sharp"
import { MediaError } from "./Errors.ts"
import * as Film from "./Film.ts"
import * as Leftovers from "./Leftovers.ts"

/** A film, and the folder that its pictures belong in. */
export interface Wanted {
  readonly film: string
  readonly folder: string
}

/** What came of it: folders that were there, folders that were made, and films that could not be read. */
export interface Made {
  readonly found: number
  readonly made: number
  readonly faults: ReadonlyArray<MediaError>
}

const TOGETHER = 2
const QUALITY = 95

const pictures = Effect.fn("FilmFrames.pictures")(function* ({ film, folder }: Wanted) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const parent = path.dirname(folder)
  yield* fs.makeDirectory(parent, { recursive: true })
  const scratch = yield* fs.makeTempDirectoryScoped({ directory: parent, prefix: ".unfinished-" })
  const count = yield* Film.frames(film, { step: "second" }).pipe(
    Stream.runFoldEffect(
      () => 0,
      (count, { width, height, channels, data }) =>
        Effect.promise(() =>
          sharp(data, { raw: { width, height, channels } }).jpeg({ quality: QUALITY }).toBuffer()
        ).pipe(
          Effect.flatMap((jpeg) =>
            AtomicFile.write(path.join(scratch, `${String(count + 1).padStart(5, "0")}.jpg`), new Uint8Array(jpeg))
          ),
          Effect.as(count + 1)
        )
    )
  )
  if (count === 0) return yield* new MediaError({ path: film, problem: "this film has no frames" })
  // An empty folder may be in its place.
  yield* Effect.ignore(fs.remove(folder))
  yield* fs.rename(scratch, folder)
}, Effect.scoped)

const isThere = (folder: string) =>
  Leftovers.list(folder).pipe(
    Effect.map((names) => names.some((name) => name.endsWith(".jpg"))),
    Effect.orElseSucceed(() => false)
  )

/** Makes what is missing. Each fault is of one film, and the others are made all the same. */
export const make = Effect.fn("FilmFrames.make")(function* (
  wanted: ReadonlyArray<Wanted>,
  tell: (films: number) => Effect.Effect<void>
) {
  const results = yield* Effect.forEach(
    wanted,
    Effect.fnUntraced(function* (one) {
      if (yield* isThere(one.folder)) return yield* Effect.as(tell(1), "found" as const)
      return yield* pictures(one).pipe(
        Effect.as("made" as const),
        Effect.catch((cause) =>
          Effect.succeed(
            cause instanceof MediaError
              ? cause
              : new MediaError({ path: one.film, problem: `its pictures cannot be kept in ${one.folder}`, cause })
          )
        ),
        Effect.tap(tell(1))
      )
    }),
    { concurrency: TOGETHER }
  )
  const made: Made = {
    found: results.filter((result) => result === "found").length,
    made: results.filter((result) => result === "made").length,
    faults: results.filter((result) => result instanceof MediaError)
  }
  return made
})
