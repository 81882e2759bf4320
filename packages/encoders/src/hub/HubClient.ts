/**
 * The three things that are asked of the hub, through its own client: the commit of a revision, what a file is, and its
 * bytes from some byte on. Files are asked for over plain HTTP, where a broken download can go on, and not by the hub's
 * protocol of deduplicated chunks. What goes wrong is said in words.
 */
import { HubApiError, InvalidApiResponseFormatError, downloadFile, modelInfo, pathsInfo } from "@huggingface/hub"
import { Effect, Stream } from "effect"
import { HubError } from "./HubError.ts"
import * as HubFetch from "./HubFetch.ts"
import type { HubSettings } from "./HubSettings.ts"

/** A file of a repository of models, at a branch, tag or commit. */
export interface Wanted {
  readonly repo: string
  readonly file: string
  readonly revision: string
}

/** The hub's description of a file. */
export interface FileInfo {
  /** In bytes. */
  readonly size: number
  /** SHA-256 of a large file (64 digits), or git's SHA-1 of a small one (40 digits): how its content is named. */
  readonly hash: string
}

/** Bytes of an answer that says something of a file, at most; those of the hub have some hundred. */
const ANSWER = 4_000_000

const failing =
  ({ repo, file }: Pick<Wanted, "repo" | "file">) =>
  (reason: HubError["reason"], problem: string, cause?: unknown): HubError =>
    new HubError({ repo, file, reason, problem, ...(cause === undefined ? {} : { cause }) })

const codeOf = (cause: unknown): string => {
  for (let at = cause; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown }
    if (typeof code === "string") return ` (${code})`
  }
  return ""
}

/** The error for an answer that is not what was asked for. */
const answered = (wanted: Wanted, { endpoint, token }: HubSettings, status: number, cause: unknown): HubError => {
  const { repo, revision } = wanted
  const fail = failing(wanted)
  if (status === 401) {
    const whose = token === undefined ? "set HF_TOKEN to a token of yours that may read it" : "HF_TOKEN may not read it"
    const problem = `the hub does not show ${repo} (401): it does not exist, or is private or gated, and ${whose}`
    return fail("refused", problem, cause)
  }
  if (status === 403) {
    const problem = `access is refused (403): ask for it on ${endpoint}/${repo}, and set HF_TOKEN to a token of that account`
    return fail("refused", problem, cause)
  }
  if (status === 404) return fail("missing", `there is no ${repo} at revision ${revision} on ${endpoint}`, cause)
  if (status === 429) return fail("unreachable", "the hub asks to wait (429): run this again in a few minutes", cause)
  return fail("unreachable", `the hub answered ${status}: run this again later`, cause)
}

/** The error for a request that failed. */
const explained =
  (wanted: Wanted, settings: HubSettings, isAnswered: boolean) =>
  (cause: unknown): HubError => {
    const { endpoint } = settings
    if (cause instanceof HubApiError) return answered(wanted, settings, cause.statusCode, cause)
    const fail = failing(wanted)
    if (cause instanceof HubFetch.Distrusted) return fail("unreachable", `${endpoint} ${cause.message}`, cause)
    if (cause instanceof InvalidApiResponseFormatError || cause instanceof SyntaxError || isAnswered) {
      return fail("unreachable", `${endpoint} does not answer as the hub does: is HF_ENDPOINT right?`, cause)
    }
    const what = `${endpoint} cannot be reached${codeOf(cause)}`
    return fail("unreachable", `${what}: is this machine online? A copy of the file can be given with --file`, cause)
  }

/** The error for a server that says nothing. */
const silent = (wanted: Wanted, { endpoint, silence }: HubSettings, seconds = silence) =>
  failing(wanted)(
    "silent",
    `${endpoint} says nothing for ${seconds} seconds: run this again later, or set HF_HUB_DOWNLOAD_TIMEOUT to more`
  )

/** One request of the client, given up with its fiber, or when its answer is too long or takes too long. */
const ask = <A>(settings: HubSettings, wanted: Wanted, request: (fetching: typeof fetch) => Promise<A>) =>
  Effect.suspend(() => {
    let isAnswered = false
    // The answer is small, but here a connection may be made first, and the hub may have to look.
    const seconds = 3 * settings.silence
    return Effect.tryPromise({
      try: (signal) => {
        const get = HubFetch.make(settings, signal)
        return request(async (input, init) => {
          const response = await HubFetch.whole(await get(input, init), ANSWER)
          isAnswered = true
          return response
        })
      },
      catch: (cause) => explained(wanted, settings, isAnswered)(cause)
    }).pipe(
      Effect.timeoutOrElse({
        duration: `${seconds} seconds`,
        orElse: () => Effect.fail(silent(wanted, settings, seconds))
      })
    )
  })

/** The commit of a revision. */
export const commit = Effect.fn("HubClient.commit")(function* (settings: HubSettings, wanted: Wanted) {
  const { sha } = yield* ask(settings, wanted, (fetch) =>
    modelInfo({
      name: wanted.repo,
      revision: wanted.revision,
      additionalFields: ["sha"],
      hubUrl: settings.endpoint,
      fetch
    })
  )
  if (typeof sha === "string" && /^[0-9a-f]{40}$/.test(sha)) return sha
  return yield* failing(wanted)("unreachable", `${settings.endpoint} does not say which commit ${wanted.revision} is`)
})

/** The hub's description of a file. */
export const describe = Effect.fn("HubClient.describe")(function* (settings: HubSettings, wanted: Wanted) {
  const { repo, file, revision } = wanted
  const fail = failing(wanted)
  const found = yield* ask(settings, wanted, (fetch) =>
    pathsInfo({ repo, paths: [file], revision, hubUrl: settings.endpoint, fetch })
  )
  const info = found.find(({ path, type }) => path === file && type === "file")
  if (info === undefined) return yield* fail("missing", `there is no file ${file} in ${repo} at revision ${revision}`)
  const { oid, size } = info.lfs ?? info
  const isSound = typeof oid === "string" && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(oid) && size >= 0
  if (!isSound || !Number.isSafeInteger(size)) {
    return yield* fail("unreachable", `${settings.endpoint} does not give the size and digest of ${file}`)
  }
  const described: FileInfo = { size, hash: oid }
  return described
})

/** The byte of the file at which an answer begins: that of a server which serves no parts is all of it. */
const startOf = (response: Response | undefined): number =>
  response?.status === 206 ? Number(/^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1] ?? 0) : 0

/**
 * The bytes of a file from byte `from` on. It ends early where the server closes the connection; where that is noticed on
 * the way, it is an error with the reason "truncated", and with "silent" where nothing comes. A byte more than the file
 * has is an error with the reason "digest", and so is a file of another size; nothing is read on then.
 */
export const body = (
  settings: HubSettings,
  wanted: Wanted,
  { size }: FileInfo,
  from: number
): Stream.Stream<Uint8Array, HubError> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { repo, file, revision } = wanted
      const fail = failing(wanted)
      const scoped = yield* Effect.acquireRelease(
        Effect.sync(() => new AbortController()),
        (controller) => Effect.sync(() => controller.abort())
      )
      // The client tells of a failed request only its message.
      let response: Response | undefined
      let distrusted: HubFetch.Distrusted | undefined
      const get = HubFetch.make(settings, scoped.signal)
      const watched: typeof fetch = async (input, init) => {
        try {
          response = await get(input, init)
          return response.ok ? response : await HubFetch.whole(response, ANSWER)
        } catch (cause) {
          if (cause instanceof HubFetch.Distrusted) distrusted = cause
          throw cause
        }
      }
      const told = (cause: unknown): HubError => {
        const isAnswer = cause instanceof HubApiError || cause instanceof InvalidApiResponseFormatError
        if (isAnswer || response === undefined || distrusted !== undefined) {
          return explained(wanted, settings, false)(distrusted ?? cause)
        }
        if (!response.ok) return answered(wanted, settings, response.status, cause)
        return fail("truncated", `the connection broke${codeOf(cause)}`, cause)
      }
      const blob = yield* Effect.tryPromise({
        try: () =>
          downloadFile({
            hubUrl: settings.endpoint,
            repo,
            path: file.split("/").map(encodeURIComponent).join("/"),
            revision,
            xet: false,
            fetch: watched
          }),
        catch: told
      }).pipe(
        Effect.timeoutOrElse({
          duration: `${settings.silence} seconds`,
          orElse: () => Effect.fail(silent(wanted, settings))
        })
      )
      if (blob === null) return Stream.fail(fail("missing", "the file is gone"))
      if (blob.size !== size) {
        return Stream.fail(fail("digest", `the hub says first that it has ${size} bytes, and then ${blob.size}`))
      }
      // What the answer has before `from` is dropped; all that it may have is `size`.
      let at: number | undefined
      return Stream.fromReadableStream({ evaluate: () => blob.slice(from, size).stream(), onError: told }).pipe(
        Stream.timeoutOrElse({
          duration: `${settings.silence} seconds`,
          orElse: () => Stream.fail(silent(wanted, settings))
        }),
        Stream.mapEffect((bytes: Uint8Array) => {
          if (at === undefined) {
            at = startOf(response)
            if (at > from) return Effect.fail(fail("digest", "the server sends another part than it was asked for"))
          }
          const rest = bytes.subarray(Math.max(0, from - at))
          at += bytes.length
          return at > size
            ? Effect.fail(fail("digest", `the server sends more than the ${size} bytes that the hub promised`))
            : Effect.succeed(rest)
        })
      )
    })
  )
