/**
 * A content-addressed store of artifacts. An artifact is a folder of files, made by a stage of an experiment and named
 * by the digest of everything that its content depends on. It is written in a scratch folder and renamed into place
 * when complete, so that the store only holds complete artifacts; the digests of its files are checked before it is
 * reused, and a damaged artifact is made again.
 *
 * Any number of processes may use a store at once. Each has its own scratch folder, and those of killed processes are
 * removed when the store is opened next. All share the store's lock; a process that holds it exclusively may remove
 * artifacts.
 */
import { Digest, Name } from "@igm/tensor"
import {
  Context,
  Effect,
  FileSystem,
  Layer,
  Option,
  Path,
  type PlatformError,
  RcMap,
  Result,
  Schema,
  Scope,
  Semaphore
} from "effect"
import * as AtomicFile from "./AtomicFile.ts"
import * as FileDigest from "./FileDigest.ts"
import * as Folder from "./Folder.ts"
import { IoError, ioError } from "./IoError.ts"
import * as Lock from "./Lock.ts"
import * as Scratch from "./Scratch.ts"
import * as Waits from "./Waits.ts"

/** The description of work whose result is stored: equal descriptions, apart from the name, are the same work. */
export interface Work {
  /** The name of the stage that does the work. */
  readonly stage: string
  /** Raised when a change of the code changes what the stage makes. */
  readonly version: number
  /** The display name of this piece of work; the stage's name by default. */
  readonly name?: string
  /** The input: settings, and digests of data. */
  readonly key: Digest.Json
  /** The surroundings that may change the bits of the result: providers, devices, versions of their libraries. */
  readonly on?: Digest.Json
}

/** A complete artifact. */
export interface Artifact extends Required<Work> {
  /** The digest of the work. */
  readonly digest: Digest.Digest
  readonly folder: string
  /** The SHA-256 of each file, by its path in the folder. */
  readonly files: { readonly [path: string]: Digest.Digest }
  /** True if the artifact was stored already. */
  readonly reused: boolean
}

/** The digest of work, which names it. */
export const digestOf = ({ stage, version, key, on = null }: Work): Digest.Digest =>
  Digest.ofJson([stage, version, key, on])

/** The digest of an artifact's content. */
export const contentOf = ({ files }: Pick<Artifact, "files">): Digest.Digest => Digest.ofJson(files)

/** The schema of an artifact's description, `artifact.json` in its folder. */
export const Described = Schema.Struct({
  stage: Schema.String,
  version: Schema.Int,
  name: Schema.String,
  key: Schema.Unknown,
  on: Schema.Unknown,
  files: Schema.Record(Schema.String, Schema.String),
  /** The SHA-256 of the rest, as canonical JSON; records of older versions have none. */
  digest: Schema.optionalKey(Schema.String)
})

const decodeRecord = Schema.decodeUnknownOption(Schema.fromJsonString(Described))

type Describing = Omit<typeof Described.Type, "digest">

/** The text of an artifact's record. */
const recordOf = (described: Describing): string => {
  const json = described as unknown as { readonly [name: string]: Digest.Json }
  return `${Digest.canonicalJson({ ...json, digest: Digest.ofJson(json) })}\n`
}

/** Parses an artifact's description; none if it is damaged. */
export const described = (text: string): Option.Option<Describing> =>
  Option.filterMap(decodeRecord(text), ({ digest, ...rest }) => {
    const written = digest === undefined ? `${Digest.canonicalJson(rest as unknown as Digest.Json)}\n` : recordOf(rest)
    return text === written ? Result.succeed(rest) : Result.failVoid
  })

/** The name of the file that describes an artifact. */
export const RECORD = "artifact.json"

/** The folder of a store whose lock its users share, and a process that removes artifacts holds exclusively. */
export const USE = ".use"

/** The folder of a store that a process holds while it removes a damaged artifact. */
const REPAIR = ".repair"

/** The number of files that are read at once when digests are checked. */
const READERS = 16

/** The service that stores artifacts by the work that made them. */
export class ArtifactStore extends Context.Service<
  ArtifactStore,
  {
    readonly folder: string
    /**
     * Returns the artifact of this work; if it is not stored, `make` writes its files into the scratch folder that it
     * is given, and nothing but regular files of other names than the store's own. Concurrent requests for the same
     * work wait for one `make`. Fails for work that requests itself, directly or through other work.
     */
    readonly getOrMake: <E, R>(
      work: Work,
      make: (scratch: string) => Effect.Effect<void, E, R>
    ) => Effect.Effect<Artifact, E | IoError, R>
    /** Finds the artifact of a stage by its digest, if it is stored and undamaged. */
    readonly find: (stage: string, digest: Digest.Digest) => Effect.Effect<Artifact | undefined, IoError>
    /** Writes a file that is not an artifact atomically, by its path in the store. */
    readonly put: (path: string, content: string) => Effect.Effect<void, IoError>
  }
>()("@igm/io/ArtifactStore") {
  /** The store in a folder, which is created with the first artifact. */
  static readonly layer = (folder: string) =>
    Layer.effect(
      ArtifactStore,
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const files = Effect.provideContext(Context.make(FileSystem.FileSystem, fs).pipe(Context.add(Path.Path, path)))

        const digests = Effect.fnUntraced(function* (at: string) {
          const names = (yield* fs.readDirectory(at, { recursive: true })).filter((name) => name !== RECORD).toSorted()
          const found = yield* Effect.forEach(
            names,
            (name) =>
              FileDigest.of(path.join(at, name)).pipe(
                Effect.map((digest) => [[name, digest] as const]),
                Effect.catchIf(isFolder, () => Effect.succeed([]))
              ),
            { concurrency: READERS }
          )
          return Object.fromEntries(found.flat())
        }, files)

        /** The digests of what the work of a stage wrote. Fails if it is something that an artifact cannot have. */
        const written = Effect.fnUntraced(function* (stage: string, scratch: string) {
          const fail = (problem: string) => new IoError({ path: `the stage ${stage}`, problem })
          const names = yield* fs.readDirectory(scratch, { recursive: true })
          if (names.includes(RECORD)) {
            return yield* fail(`it writes ${RECORD}, which describes the artifact: give the file another name`)
          }
          const links = yield* Effect.filter(names, (name) => Effect.isSuccess(fs.readLink(path.join(scratch, name))), {
            concurrency: READERS
          })
          if (links.length > 0) return yield* fail(`it writes the link ${links[0]}: write the file itself`)
          const files = yield* digests(scratch)
          const other = Object.keys(files).find((name) => files[name] === FileDigest.NONE)
          if (other !== undefined) return yield* fail(`it writes ${other}, which is no file: leave it out`)
          return files
        })

        /** Reads a stored artifact and checks its digests: returns it, "damaged", or undefined. */
        const look = Effect.fnUntraced(
          function* (stage: string, digest: Digest.Digest) {
            const at = path.join(folder, stage, digest)
            if (!(yield* fs.exists(at))) return undefined
            if (!(yield* fs.exists(path.join(at, RECORD)))) return "damaged"
            const text = yield* fs.readFileString(path.join(at, RECORD))
            const record = described(text)
            if (record._tag === "None") return "damaged"
            const { key, on, ...rest } = record.value
            const work = { ...rest, key: key as Digest.Json, on: on as Digest.Json }
            if (work.stage !== stage || digestOf(work) !== digest) return "damaged"
            const found = yield* digests(at)
            if (Digest.canonicalJson(rest.files) !== Digest.canonicalJson(found)) return "damaged"
            const artifact: Artifact = {
              ...work,
              digest,
              folder: at,
              reused: true
            }
            return artifact
          },
          // Another process may take a damaged artifact away while it is looked at.
          Effect.retry({ while: ({ reason }) => reason._tag === "NotFound", times: 3 }),
          Effect.mapError(ioError(folder, "read the artifacts in this folder"))
        )

        yield* Scratch.removeAbandoned(folder)

        const scope = yield* Effect.scope
        const entered = yield* Effect.cached(
          Lock.share(path.join(folder, USE), ({ message }) => Effect.logInfo(`waiting: ${message}`)).pipe(
            Scope.provide(scope),
            files
          )
        )
        const place = yield* Effect.cached(
          Folder.make(folder).pipe(
            Effect.andThen(Scratch.make(folder, "artifacts in the making")),
            Effect.mapError(ioError(folder, "write into this folder")),
            Scope.provide(scope),
            files
          )
        )

        const find = Effect.fn("ArtifactStore.find")(function* (stage: string, digest: Digest.Digest) {
          if (!(yield* Effect.orElseSucceed(fs.exists(folder), () => false))) return undefined
          yield* entered
          const found = yield* look(stage, digest)
          return found === "damaged" ? undefined : found
        })

        const put = Effect.fn("ArtifactStore.put")(function* (file: string, content: string) {
          yield* entered
          yield* AtomicFile.write(path.join(folder, file), content, { scratch: yield* place })
        }, files)

        /** Removes a damaged artifact, unless another process has replaced it by a good one. */
        const repair = Effect.fnUntraced(
          function* (stage: string, digest: Digest.Digest, target: string) {
            const repairing = path.join(folder, REPAIR)
            yield* Lock.wait(repairing, "taking a damaged artifact away", () => Effect.void)
            const discard = (place: string) => Lock.discard(place, folder)
            const isDamaged = (yield* look(stage, digest)) === "damaged"
            yield* (isDamaged ? Effect.andThen(discard(target), discard(repairing)) : discard(repairing)).pipe(
              Effect.mapError(ioError(target, "write this artifact"))
            )
          },
          Effect.scoped,
          files
        )

        const once = Effect.fnUntraced(function* <E, R>(
          work: Work,
          digest: Digest.Digest,
          make: (scratch: string) => Effect.Effect<void, E, R>
        ) {
          const { stage, version, name = stage, key, on = null } = work
          const target = path.join(folder, stage, digest)
          yield* entered
          const old = yield* look(stage, digest)
          if (old === "damaged") {
            yield* Effect.logWarning(`${target} is damaged: it is made anew`)
            yield* repair(stage, digest, target)
          } else if (old !== undefined) return { ...old, name }
          const scratch = yield* Effect.acquireRelease(
            Folder.make(path.join(folder, stage)).pipe(
              Effect.andThen(place),
              Effect.andThen((place) => fs.makeTempDirectory({ directory: place })),
              Effect.mapError((error) =>
                error._tag === "IoError" ? error : ioError(folder, "write into this folder")(error)
              )
            ),
            (scratch) => Effect.ignore(fs.remove(scratch, { recursive: true, force: true }))
          )
          yield* Waits.working({ stage, digest })(make(scratch))
          const files = yield* Effect.gen(function* () {
            const files = yield* written(stage, scratch)
            yield* fs.writeFileString(path.join(scratch, RECORD), recordOf({ stage, version, name, key, on, files }))
            return yield* fs.rename(scratch, target).pipe(
              Effect.as(files),
              // Another process may have made it meanwhile: then its is the one that is stored.
              Effect.catch((error) =>
                Effect.flatMap(look(stage, digest), (there) =>
                  there === undefined || there === "damaged" ? Effect.fail(error) : Effect.succeed(there.files)
                )
              )
            )
          }).pipe(
            Effect.mapError((error) =>
              error._tag === "IoError" ? error : ioError(target, "write this artifact")(error)
            )
          )
          const made: Artifact = { stage, version, name, key, on, digest, folder: target, files, reused: false }
          return made
        }, Effect.scoped)

        const waiting = Waits.make()
        const turns = yield* RcMap.make({ lookup: () => Semaphore.make(1) })

        const getOrMake = Effect.fn("ArtifactStore.getOrMake")(function* <E, R>(
          work: Work,
          make: (scratch: string) => Effect.Effect<void, E, R>
        ) {
          yield* Effect.try({
            try: () => {
              Name.key("the name of a stage", work.stage)
              if (work.name !== undefined) Name.sentence(`the name of work of the stage ${work.stage}`, work.name)
            },
            catch: (cause) => new IoError({ path: folder, problem: (cause as Name.NameError).message, cause })
          })
          const digest = digestOf(work)
          yield* Effect.annotateCurrentSpan({ stage: work.stage, name: work.name ?? work.stage, digest })
          const turn = yield* RcMap.get(turns, digest)
          return yield* waiting({ stage: work.stage, digest }, turn.withPermits(1)(once(work, digest, make)))
        }, Effect.scoped)

        return ArtifactStore.of({ folder, find, put, getOrMake: getOrMake as ArtifactStore["Service"]["getOrMake"] })
      })
    )
}

/** Tests whether reading failed because the path is a folder. */
const isFolder = ({ reason }: PlatformError.PlatformError): boolean =>
  (reason.cause as NodeJS.ErrnoException | undefined)?.code === "EISDIR"
