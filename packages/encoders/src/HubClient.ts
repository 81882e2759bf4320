/**
 * The three things that are asked of the hub, through its own client: the commit of a revision, what a file is, and its
 * bytes from some byte on. Files are asked for over plain HTTP, where a broken download can go on, and not by the hub's
 * protocol of deduplicated chunks. What goes wrong is said in words.
 */
import { HubApiError, InvalidApiResponseFormatError, downloadFile, modelInfo, pathsInfo } from "@huggingface/hub"
import { Effect, Redacted, Stream } from "effect"
import { HubError } from "./HubError.ts"
import type { HubSettings } from "./HubSettings.ts"

/** A file of a repository of models, at a branch, tag or commit. */
export interface Wanted {
  readonly repo: string
  readonly file: string
  readonly revision: string
}

/** What the hub says of a file. */
export interface FileInfo {
  /** In bytes. */
  readonly size: number
  /** SHA-256 of a large file (64 digits), or git's SHA-1 of a small one (40 digits): how its content is named. */
  readonly hash: string
}

/** How long a connection may be silent. */
const SILENCE = "60 seconds"

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

/** What to tell about an answer that is not what was asked for. */
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

/** What to tell about a request that failed. */
const explained =
  (wanted: Wanted, settings: HubSettings) =>
  (cause: unknown): HubError => {
    const { endpoint } = settings
    if (cause instanceof HubApiError) return answered(wanted, settings, cause.statusCode, cause)
    const fail = failing(wanted)
    if (cause instanceof InvalidApiResponseFormatError || cause instanceof SyntaxError) {
      return fail("unreachable", `${endpoint} does not answer as the hub does: is HF_ENDPOINT right?`, cause)
    }
    const what = `${endpoint} cannot be reached${codeOf(cause)}`
    return fail("unreachable", `${what}: is this machine online? A copy of the file can be given with --file`, cause)
  }

const credentials = ({ token }: HubSettings) => (token === undefined ? {} : { accessToken: Redacted.value(token) })

/** One request of the client, given up with its fiber. */
const ask = <A>(settings: HubSettings, wanted: Wanted, request: (fetching: typeof fetch) => Promise<A>) =>
  Effect.tryPromise({
    try: (signal) => request((input, init) => fetch(input, { ...init, signal })),
    catch: explained(wanted, settings)
  })

/** The commit of a revision. */
export const commit = Effect.fn("HubClient.commit")(function* (settings: HubSettings, wanted: Wanted) {
  const { sha } = yield* ask(settings, wanted, (fetch) =>
    modelInfo({
      name: wanted.repo,
      revision: wanted.revision,
      additionalFields: ["sha"],
      hubUrl: settings.endpoint,
      fetch,
      ...credentials(settings)
    })
  )
  if (/^[0-9a-f]{40}$/.test(sha)) return sha
  return yield* failing(wanted)("unreachable", `${settings.endpoint} does not say which commit ${wanted.revision} is`)
})

/** What the hub says of a file. */
export const describe = Effect.fn("HubClient.describe")(function* (settings: HubSettings, wanted: Wanted) {
  const { repo, file, revision } = wanted
  const fail = failing(wanted)
  const found = yield* ask(settings, wanted, (fetch) =>
    pathsInfo({ repo, paths: [file], revision, hubUrl: settings.endpoint, fetch, ...credentials(settings) })
  )
  const info = found.find(({ path, type }) => path === file && type === "file")
  if (info === undefined) return yield* fail("missing", `there is no file ${file} in ${repo} at revision ${revision}`)
  const { oid, size } = info.lfs ?? info
  if (oid === undefined || !/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(oid) || !Number.isSafeInteger(size)) {
    return yield* fail("unreachable", `${settings.endpoint} does not give the size and digest of ${file}`)
  }
  const described: FileInfo = { size, hash: oid }
  return described
})

/**
 * The bytes of a file from byte `from` on. It ends early where the connection is silent or the server closes it; where
 * that is noticed on the way it is an error with the reason "truncated".
 */
export const body = (
  settings: HubSettings,
  wanted: Wanted,
  { size }: FileInfo,
  from: number
): Stream.Stream<Uint8Array, HubError> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const scoped = yield* Effect.acquireRelease(
        Effect.sync(() => new AbortController()),
        (controller) => Effect.sync(() => controller.abort())
      )
      // The client tells of a failed request only its message.
      let status = 0
      const watched: typeof fetch = async (input, init) => {
        const response = await fetch(input, { ...init, signal: scoped.signal })
        status = response.status
        return response
      }
      const told = (cause: unknown): HubError => {
        const isAnswer = cause instanceof HubApiError || cause instanceof InvalidApiResponseFormatError
        if (isAnswer || status === 0) return explained(wanted, settings)(cause)
        if (status >= 400) return answered(wanted, settings, status, cause)
        return failing(wanted)("truncated", `the connection broke${codeOf(cause)}`, cause)
      }
      const { repo, file, revision } = wanted
      const blob = yield* Effect.tryPromise({
        try: () =>
          downloadFile({
            hubUrl: settings.endpoint,
            repo,
            path: file,
            revision,
            xet: false,
            fetch: watched,
            ...credentials(settings)
          }),
        catch: told
      })
      if (blob === null) return Stream.fail(failing(wanted)("missing", "the file is gone"))
      let skip = -1
      return Stream.fromReadableStream({ evaluate: () => blob.slice(from, size).stream(), onError: told }).pipe(
        Stream.timeout(SILENCE),
        Stream.map((bytes: Uint8Array) => {
          // A server that does not serve ranges begins at the beginning.
          if (skip < 0) skip = status === 200 ? from : 0
          const rest = bytes.subarray(skip)
          skip -= bytes.length - rest.length
          return rest
        })
      )
    })
  )
