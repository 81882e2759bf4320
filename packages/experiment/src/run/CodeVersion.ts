/**
 * The version of the code that makes a run: the version of the framework's packages and a digest of their sources. The
 * packages lie side by side, in the repository's `packages` as well as in an installed `@igm`, and are found relative
 * to this module.
 */
import { ioError } from "@igm/io"
import { Digest } from "@igm/tensor"
import { Effect, FileSystem, Path, Schema } from "effect"
import { fileURLToPath } from "node:url"

/** The framework's version, and the digest of its sources. */
export interface CodeVersion {
  readonly version: string
  readonly sources: Digest.Digest
}

/** The number of source files that are read concurrently. */
const READERS = 32

const rooms = fileURLToPath(new URL("../../../", import.meta.url))

const Package = Schema.fromJsonString(Schema.Struct({ version: Schema.String }))

/** Tells if a file (an absolute path) is one of the sources that `codeDigest` covers. */
export const covers = (file: string): boolean =>
  file.startsWith(rooms) && /^[^/\\]+[/\\]src[/\\]/.test(file.slice(rooms.length))

/** Computes the digest of the code on disk: one SHA-256 over the paths and contents of all packages' sources. */
export const codeDigest = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const manifest = path.join(rooms, "experiment", "package.json")
  const { version } = yield* fs.readFileString(manifest).pipe(Effect.flatMap(Schema.decodeEffect(Package)))
  const folders = yield* fs.readDirectory(rooms)
  const names = yield* Effect.forEach(
    folders,
    (room) =>
      fs.readDirectory(path.join(rooms, room, "src"), { recursive: true }).pipe(
        Effect.map((files) => files.map((file) => path.join(room, "src", file))),
        // Not every folder beside this package has sources.
        Effect.catchIf(
          ({ reason }) => reason._tag === "NotFound" || reason._tag === "BadResource",
          () => Effect.succeed([])
        )
      ),
    { concurrency: "unbounded" }
  )
  const files = yield* Effect.forEach(
    names.flat().filter((name) => /\.(?:[cm]?[jt]s|json|wasm)$/.test(name)),
    (name) =>
      Effect.map(
        fs.readFile(path.join(rooms, name)),
        (bytes) => [name.replaceAll("\\", "/"), Digest.ofBytes(bytes)] as const
      ),
    { concurrency: READERS }
  )
  return { version, sources: Digest.ofJson(Object.fromEntries(files)) } satisfies CodeVersion
}).pipe(Effect.mapError(ioError(rooms, "read the framework's sources")), Effect.withSpan("CodeVersion.codeDigest"))
