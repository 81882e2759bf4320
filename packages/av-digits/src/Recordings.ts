/**
 * Recordings of spoken digits in the layout of the Free Spoken Digit Dataset: one folder of files
 * `{digit}_{speaker}_{take}.wav`. All faults of a folder are found before anything is made of it.
 */
import { DatasetError } from "@igm/datasets"
import { Leftovers, MediaError, Wav } from "@igm/media"
import { Digest } from "@igm/tensor"
import { Effect, FileSystem, Path } from "effect"

/** The speakers whose recordings trained the audio encoder: they are in no split. */
export const ENCODER_SPEAKERS: ReadonlyArray<string> = ["george", "jackson"]

/** One recording. */
export interface Recording {
  readonly path: string
  readonly digest: Digest.Digest
  readonly digit: number
  readonly speaker: string
  readonly take: number
}

const NAME = /^(\d+)_([^_]+)_(\d+)\.wav$/

/** All recordings of a folder, in the order of their names. */
export const read = Effect.fn("Recordings.read")(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const fail = (problem: string, cause?: unknown) =>
    new DatasetError({ path: folder, problem, ...(cause === undefined ? {} : { cause }) })
  const names = yield* Leftovers.list(folder).pipe(
    Effect.mapError((cause) =>
      fail(
        cause.reason._tag === "NotFound" ? "this folder does not exist" : "this is not a folder that can be read",
        cause
      )
    )
  )
  if (!names.some((name) => name.endsWith(".wav"))) {
    return yield* fail("this folder holds no recordings named {digit}_{speaker}_{take}.wav")
  }
  const problems: Array<DatasetError | MediaError> = []
  const recordings: Array<Recording> = []
  for (const name of names) {
    const file = path.join(folder, name)
    const parts = NAME.exec(name)
    const digit = Number(parts?.[1])
    if (parts === null) {
      problems.push(new DatasetError({ path: file, problem: "its name is not {digit}_{speaker}_{take}.wav" }))
    } else if (digit > 9) {
      problems.push(
        new DatasetError({ path: file, problem: `its name says digit ${parts[1]}, which is not one of 0–9` })
      )
    } else {
      const bytes = yield* fs
        .readFile(file)
        .pipe(Effect.mapError((cause) => new MediaError({ path: file, problem: "this sound cannot be read", cause })))
      yield* Effect.try({
        try: () => Wav.decode(bytes),
        catch: (cause) => new MediaError({ path: file, problem: (cause as Error).message, cause })
      }).pipe(Effect.catch((error) => Effect.sync(() => problems.push(error))))
      recordings.push({ path: file, digest: Digest.ofBytes(bytes), digit, speaker: parts[2]!, take: Number(parts[3]) })
    }
  }
  const [first, ...others] = problems
  if (first !== undefined) {
    const more = others.length === 0 ? "" : ` (and ${others.length} more files with faults)`
    const fields = { path: first.path, problem: first.problem + more, cause: problems.map(({ message }) => message) }
    return yield* first._tag === "MediaError" ? new MediaError(fields) : new DatasetError(fields)
  }
  return recordings as ReadonlyArray<Recording>
})
