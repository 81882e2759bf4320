/**
 * Converts films to images, about one a second, for data sets that are read as images: every frame whose number is a
 * multiple of the frame rate (rounded down), as JPEG of quality 95. A folder only appears once all of its images are
 * made, so that an interrupted conversion can be resumed.
 */
import { AtomicFile } from "@igm/io"
import { Effect, FileSystem, Path, Stream } from "effect"
import { MediaError } from "../Errors.ts"
import * as Film from "./Film.ts"
import * as Libvips from "../image/Libvips.ts"
import * as Leftovers from "../Leftovers.ts"

/** A film, and the folder for its images. */
export interface Wanted {
  readonly film: string
  readonly folder: string
}

/**
 * The result: the number of folders that existed already, the number that were made, and the errors of films that could
 * not be read.
 */
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
          Libvips.open()(data, { raw: { width, height, channels } }).jpeg({ quality: QUALITY }).toBuffer()
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

/** Converts the films whose folders are missing. The error of one film does not stop the others. */
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
