/**
 * Files of the Hugging Face Hub, downloaded once into the cache that its libraries share. A download that broke goes on
 * where it stopped, by itself and in the next process; a file appears in the cache whole, and with the digest that the hub
 * gives for it. Of several processes that want a file one downloads it, and the others wait.
 */
import { Folder, Lock, Progress, ioError } from "@igm/io"
import { Context, Effect, FileSystem, Layer, Path, Stream } from "effect"
import { createHash } from "node:crypto"
import * as HubCache from "./HubCache.ts"
import * as HubClient from "./HubClient.ts"
import { HubError } from "./HubError.ts"
import * as HubSettings from "./HubSettings.ts"

/** A file in the cache. */
export interface HubFile {
  readonly path: string
  /** The commit of the repository that it is of. */
  readonly commit: string
}

/** The times in a row that a download may break without a byte gained; to be silent, which takes time, counts twice. */
const TRIES = 4

/** Reasons that may pass when it is tried again. */
const PASSING: ReadonlySet<HubError["reason"]> = new Set(["truncated", "unreachable", "silent"])

const MEGABYTE = 1_000_000

/** Gets files of the hub. */
export class Hub extends Context.Service<
  Hub,
  {
    /** A file at a branch, tag or commit. One that is in the cache at its commit is not asked for. */
    readonly get: (wanted: HubClient.Wanted) => Effect.Effect<HubFile, HubError>
  }
>()("@igm/encoders/Hub") {
  /** The hub and the cache of the environment, which is read when a file is wanted. */
  static readonly layer = Layer.suspend(() => Hub.layerPausing(1000))

  /** The same, with the pause after a broken download, in milliseconds; it doubles while nothing comes. */
  static readonly layerPausing = (pause: number) =>
    Layer.effect(
      Hub,
      Effect.gen(function* () {
        const services = yield* Effect.context<FileSystem.FileSystem | Path.Path | Progress>()
        return Hub.of({ get: (wanted) => Effect.provideContext(get(wanted, pause), services) })
      })
    )
}

const get = Effect.fn("Hub.get")(
  function* (wanted: HubClient.Wanted, pause: number) {
    const { repo, file, revision } = wanted
    const fail = (reason: HubError["reason"], problem: string) => new HubError({ repo, file, reason, problem })
    const settings = yield* Effect.mapError(HubSettings.read, (problem) => fail("settings", problem))
    const wrong = HubCache.isRepo(repo) ? [file, revision].find((name) => !HubCache.isInside(name)) : repo
    if (wrong !== undefined) return yield* fail("settings", `${JSON.stringify(wrong)} cannot be a name on the hub`)
    const { cache, offline } = settings
    const commit = HubCache.isCommit(revision)
      ? revision
      : offline
        ? yield* HubCache.commitOf({ cache, repo }, revision)
        : yield* HubClient.commit(settings, wanted)
    const place = { cache, repo, file, commit: commit ?? "" }
    const cached = commit === undefined ? undefined : yield* HubCache.find(place)
    if (commit === undefined || (cached === undefined && offline)) {
      const problem = `HF_HUB_OFFLINE is set, and the file is not in ${cache}: unset it, or give a copy with --file`
      return yield* fail("offline", problem)
    }
    if (!offline && commit !== revision) yield* HubCache.remember(place, revision, commit)
    return { path: cached ?? (yield* download(settings, { ...wanted, revision: commit }, place, pause)), commit }
  },
  (effect, { repo, file }) =>
    Effect.catchTags(effect, {
      // What is left is the cache: no room, no permission.
      PlatformError: (cause) => Effect.fail(diskError({ repo, file }, ioError(file, "use the cache")(cause))),
      IoError: (cause) => Effect.fail(diskError({ repo, file }, cause))
    }),
  Effect.scoped
)

const diskError = (
  { repo, file }: { repo: string; file: string },
  cause: { path: string; problem: string }
): HubError => {
  const where = cause.path === file ? "" : `${cause.path}: `
  const advice = /disk is full|quota/.test(cause.problem) ? "; make room and run this again: what has come is kept" : ""
  return new HubError({ repo, file, reason: "disk", problem: `${where}${cause.problem}${advice}`, cause })
}

/** Downloads a file into the cache, unless its content is there, and gives its path. */
const download = Effect.fn("Hub.download")(function* (
  settings: HubSettings.HubSettings,
  wanted: HubClient.Wanted,
  place: HubCache.Place,
  pause: number
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const info = yield* HubClient.describe(settings, wanted)
  const blob = HubCache.blob(path, place, info.hash)
  const obtain = Effect.gen(function* () {
    yield* Lock.wait(HubCache.lock(path, place, info.hash), `${wanted.repo}/${wanted.file}`, () => Effect.void)
    // Another process may have brought it meanwhile.
    if (yield* fs.exists(blob)) return
    yield* Folder.make(path.dirname(blob))
    const part = `${blob}.igm.incomplete`
    yield* complete(settings, wanted, info, part, pause).pipe(
      Effect.andThen(verify(wanted, info, part)),
      Effect.catchTag("HubError", (error) =>
        error.reason === "digest"
          ? Effect.andThen(fs.remove(part, { force: true }), Effect.fail(withdrawn(error)))
          : Effect.fail(error)
      )
    )
    yield* fs.rename(part, blob)
  }).pipe(Effect.scoped)
  if (!(yield* fs.exists(blob))) yield* obtain
  return yield* HubCache.link(place, info.hash)
})

/** The same error, told of a download that is removed. */
const withdrawn = (error: HubError): HubError => {
  const { repo, file, reason, problem, cause } = error
  const advice = "what came is removed; run this again, without a proxy if there is one"
  return new HubError({
    repo,
    file,
    reason,
    problem: `${problem}: ${advice}`,
    ...(cause === undefined ? {} : { cause })
  })
}

const sizeOf = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  return (yield* fs.exists(file)) ? Number((yield* fs.stat(file)).size) : 0
})

/** Brings the rest of a file, over as many connections as it takes while each brings something. */
const complete = Effect.fn("Hub.complete")(function* (
  settings: HubSettings.HubSettings,
  wanted: HubClient.Wanted,
  info: HubClient.FileInfo,
  part: string,
  pause: number
) {
  const fs = yield* FileSystem.FileSystem
  const bar = yield* (yield* Progress).bar(`${wanted.repo}/${wanted.file}, MB`, Math.ceil(info.size / MEGABYTE))
  let shown = 0
  const show = (bytes: number) => {
    const before = Math.floor(shown / MEGABYTE)
    shown = bytes
    return bar(Math.floor(shown / MEGABYTE) - before)
  }
  // A file of no bytes is one all the same.
  yield* Effect.scoped(fs.open(part, { flag: "a" }))
  let have = yield* sizeOf(part)
  let futile = 0
  while (have < info.size) {
    yield* show(have)
    const before = have
    const problem = yield* append(settings, wanted, info, part, before, show).pipe(
      Effect.as(undefined),
      Effect.catchTag("HubError", (error) => (PASSING.has(error.reason) ? Effect.succeed(error) : Effect.fail(error)))
    )
    have = yield* sizeOf(part)
    if (have >= info.size) break
    futile = have > before ? 0 : futile + (problem?.reason === "silent" ? 2 : 1)
    if (futile >= TRIES) {
      const { repo, file } = wanted
      const got = `${have} of ${info.size} bytes have come and are kept: run this again to go on from there`
      const why = problem === undefined ? "the download stops short" : problem.problem.replace(/: .*$/, "")
      return yield* new HubError({
        repo,
        file,
        reason: problem?.reason ?? "truncated",
        problem: `${why}; ${got}`,
        ...(problem === undefined ? {} : { cause: problem })
      })
    }
    yield* Effect.sleep(pause * 2 ** Math.max(0, futile - 1))
  }
  yield* show(info.size)
}, Effect.scoped)

/** Appends what one connection brings to the file. */
const append = Effect.fnUntraced(function* (
  settings: HubSettings.HubSettings,
  wanted: HubClient.Wanted,
  info: HubClient.FileInfo,
  part: string,
  from: number,
  show: (bytes: number) => Effect.Effect<void>
) {
  const fs = yield* FileSystem.FileSystem
  const file = yield* fs.open(part, { flag: "a" })
  let have = from
  yield* HubClient.body(settings, wanted, info, from).pipe(
    Stream.runForEach((bytes) => {
      have += bytes.length
      return Effect.andThen(file.writeAll(bytes), show(Math.min(have, info.size)))
    })
  )
  yield* file.sync
}, Effect.scoped)

/** Fails where the bytes of a file are not those that the hub promised. */
const verify = Effect.fn("Hub.verify")(function* (
  wanted: HubClient.Wanted,
  { hash, size }: HubClient.FileInfo,
  part: string
) {
  const fs = yield* FileSystem.FileSystem
  const { repo, file } = wanted
  const have = yield* sizeOf(part)
  // Git puts a header before the bytes.
  const hasher = hash.length === 64 ? createHash("sha256") : createHash("sha1").update(`blob ${have}\0`)
  yield* Stream.runForEach(fs.stream(part), (bytes) => Effect.sync(() => hasher.update(bytes)))
  const found = hasher.digest("hex")
  if (found === hash) return
  const what = have === size ? `have the digest ${found}, and the hub promised ${hash}` : `are ${have}, not ${size}`
  return yield* new HubError({ repo, file, reason: "digest", problem: `the bytes that came ${what}` })
})
