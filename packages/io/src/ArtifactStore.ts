/**
 * A content-addressed store of artifacts. An artifact is a folder of files named by the digest of its key; the key holds
 * everything that its content depends on. It is made in a scratch folder and renamed into place when complete, so what
 * the store holds is always whole; the digests of its files are checked before it is used again, and a damaged artifact
 * is made anew.
 */
import { Digest } from "@igm/tensor"
import { Context, Effect, FileSystem, Layer, Path, type PlatformError, Schema } from "effect"
import { createHash } from "node:crypto"
import * as Folder from "./Folder.ts"
import { type IoError, ioError } from "./IoError.ts"

/** A complete artifact. */
export interface Artifact {
  readonly kind: string
  /** The digest of the key. */
  readonly digest: Digest.Digest
  readonly folder: string
  /** The SHA-256 of each file, by its path in the folder. */
  readonly files: { readonly [path: string]: Digest.Digest }
  /** Whether it was there already. */
  readonly reused: boolean
}

const Record = Schema.fromJsonString(
  Schema.Struct({ kind: Schema.String, key: Schema.Unknown, files: Schema.Record(Schema.String, Schema.String) })
)

const RECORD = "artifact.json"

/** Files that are read at a time when digests are checked. */
const READERS = 16

/** Keeps artifacts by their keys. */
export class ArtifactStore extends Context.Service<
  ArtifactStore,
  {
    readonly folder: string
    /** The artifact with this key; unless it is stored, `make` writes its files into the scratch folder it is given. */
    readonly getOrMake: <E, R>(
      kind: string,
      key: Digest.Json,
      make: (scratch: string) => Effect.Effect<void, E, R>
    ) => Effect.Effect<Artifact, E | IoError, R>
  }
>()("@igm/io/ArtifactStore") {
  /** A store in a folder, which is made when the first artifact is. */
  static readonly layer = (folder: string) =>
    Layer.effect(
      ArtifactStore,
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path

        const digestOf = (file: string) =>
          fs.readFile(file).pipe(Effect.map((bytes) => createHash("sha256").update(bytes).digest("hex")))

        const digests = Effect.fnUntraced(function* (at: string) {
          const names = (yield* fs.readDirectory(at, { recursive: true })).filter((name) => name !== RECORD).toSorted()
          const files = yield* Effect.forEach(
            names,
            (name) =>
              digestOf(path.join(at, name)).pipe(
                Effect.map((digest) => [[name, digest] as const]),
                Effect.catchIf(isFolder, () => Effect.succeed([]))
              ),
            { concurrency: READERS }
          )
          return Object.fromEntries(files.flat())
        })

        /** The recorded digests of a stored artifact whose files still have them. */
        const stored = Effect.fnUntraced(function* (at: string) {
          if (!(yield* fs.exists(at))) return undefined
          const record = yield* fs
            .readFileString(path.join(at, RECORD))
            .pipe(Effect.flatMap(Schema.decodeEffect(Record)), Effect.option)
          const found = yield* digests(at)
          if (record._tag === "Some" && Digest.canonicalJson(record.value.files) === Digest.canonicalJson(found)) {
            return found
          }
          yield* Effect.logWarning(`${at} is damaged: it is made anew`)
          yield* fs.remove(at, { recursive: true })
          return undefined
        })

        const removeAbandoned = Effect.gen(function* () {
          if (!(yield* fs.exists(folder))) return
          for (const name of yield* fs.readDirectory(folder)) {
            const owner = /^\.partial-(\d+)-/.exec(name)?.[1]
            if (owner !== undefined && !isAlive(Number(owner))) {
              yield* fs.remove(path.join(folder, name), { recursive: true })
            }
          }
        })
        yield* Effect.ignore(removeAbandoned)

        const getOrMake = Effect.fn("ArtifactStore.getOrMake")(function* <E, R>(
          kind: string,
          key: Digest.Json,
          make: (scratch: string) => Effect.Effect<void, E, R>
        ) {
          const digest = Digest.ofJson([kind, key])
          const target = path.join(folder, kind, digest)
          const old = yield* stored(target).pipe(Effect.mapError(ioError(target, "read this artifact")))
          if (old !== undefined) return { kind, digest, folder: target, files: old, reused: true }
          const scratch = yield* Effect.acquireRelease(
            Folder.make(path.join(folder, kind)).pipe(
              Effect.andThen(fs.makeTempDirectory({ directory: folder, prefix: `.partial-${process.pid}-` })),
              Effect.mapError(ioError(folder, "write into this folder"))
            ),
            (scratch) => Effect.ignore(fs.remove(scratch, { recursive: true, force: true }))
          )
          yield* make(scratch)
          const files = yield* Effect.gen(function* () {
            const files = yield* digests(scratch)
            yield* fs.writeFileString(path.join(scratch, RECORD), `${Digest.canonicalJson({ kind, key, files })}\n`)
            // Another process may have made it meanwhile: the same key means the same content.
            yield* fs
              .rename(scratch, target)
              .pipe(
                Effect.catch((error) =>
                  Effect.flatMap(fs.exists(target), (is) => (is ? Effect.void : Effect.fail(error)))
                )
              )
            return files
          }).pipe(Effect.mapError(ioError(target, "write this artifact")))
          return { kind, digest, folder: target, files, reused: false }
        }, Effect.scoped)

        return ArtifactStore.of({ folder, getOrMake: getOrMake as ArtifactStore["Service"]["getOrMake"] })
      })
    )
}

/** Whether reading failed because the path is a folder. */
const isFolder = ({ reason }: PlatformError.PlatformError): boolean =>
  (reason.cause as NodeJS.ErrnoException | undefined)?.code === "EISDIR"

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}
