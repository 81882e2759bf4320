/**
 * A server that answers as the Hugging Face Hub does, for what its client asks when files are downloaded: the commit of a
 * revision, what a path is, and the file, which for large files is on another host. It can be told to misbehave.
 */
import { Effect } from "effect"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http"
import type { AddressInfo } from "node:net"

/** A file of the one repository; large files are stored by their SHA-256. */
export interface Served {
  readonly bytes: Uint8Array
  readonly large: boolean
}

/** What the server does with a request for the bytes of a file; `sent` bytes come before it happens. */
type Trouble =
  | { readonly kind: "cut"; readonly sent: number }
  /** The answer ends early, and as if it were whole. */
  | { readonly kind: "short"; readonly sent: number }
  | { readonly kind: "hold"; readonly sent: number }
  /** Bytes come without end. */
  | { readonly kind: "endless" }
  /** A part is announced and sent that is not the one that was asked for. */
  | { readonly kind: "elsewhere"; readonly start: number }
  | { readonly kind: "status"; readonly status: number }

/** The state of a server, to be changed and looked at by a test. */
interface State {
  readonly endpoint: string
  repo: string
  commit: string
  files: { [path: string]: Served }
  /** Taken from the front, one for each request for bytes. */
  troubles: Array<Trouble>
  /** Whether parts of a file are served. */
  ranges: boolean
  /** Whether large files are announced as the newer kind of storage, as most are. */
  xet: boolean
  /** The status of every answer but those for bytes, where it is not 200. */
  refusal: number | undefined
  /** What every answer but those for bytes does instead of ending. */
  never: "endless" | "silent" | undefined
  /** Whether the other host answers as a cache of the hub does, which its client then asks by itself. */
  isCache: boolean
  /** The size that every large file is said to have, where it is not its own. */
  claim: number | undefined
  /** Bytes of endless answers. */
  poured: number
  /** Requests, as "GET /path" with the range; those for bytes begin with BYTES. */
  readonly log: Array<string>
  /** The tokens that came to the hub. */
  readonly tokens: Set<string>
  /** The names of all headers that came to the other host. */
  readonly told: Set<string>
}

const hashed = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")
const gitHashed = (bytes: Uint8Array): string =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex")

/** How the hub names the content of a file. */
export const hashOf = ({ bytes, large }: Served): string => (large ? hashed(bytes) : gitHashed(bytes))

const listen = async (handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<Server> => {
  const server = createServer(handle)
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return server
}

const addressOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

/** Sends bytes until nobody takes them. */
const pour = (state: State, response: ServerResponse): void => {
  const bytes = Buffer.alloc(1 << 16, "x")
  const more = (): void => {
    while (!response.destroyed) {
      state.poured += bytes.length
      if (!response.write(bytes)) return void response.once("drain", more)
    }
  }
  more()
}

/** Sends a file, or the part that is asked for, with the trouble that is next. */
const send = (state: State, { bytes }: Served, request: IncomingMessage, response: ServerResponse): void => {
  const [, start, end] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? []
  const isProbe = start === "0" && end === "0"
  const trouble = isProbe ? undefined : state.troubles.shift()
  if (trouble?.kind === "status") {
    response.writeHead(trouble.status).end()
    return
  }
  const asked = state.ranges && start !== undefined ? Number(start) : 0
  const from = trouble?.kind === "elsewhere" ? trouble.start : asked
  const to = state.ranges && end ? Number(end) + 1 : bytes.length
  const part = bytes.subarray(from, to)
  const range = { "content-range": `bytes ${from}-${to - 1}/${bytes.length}` }
  response.writeHead(state.ranges && start !== undefined ? 206 : 200, {
    etag: '"of the store"',
    ...(trouble?.kind === "short" || trouble?.kind === "endless" ? {} : { "content-length": part.length }),
    ...(state.isCache ? { "x-cache": "Hit from cloudfront" } : {}),
    ...(state.ranges || isProbe ? range : {})
  })
  if (trouble === undefined || trouble.kind === "elsewhere") response.end(part)
  else if (trouble.kind === "endless") pour(state, response)
  else if (trouble.kind === "short") response.end(part.subarray(0, trouble.sent))
  else {
    response.write(part.subarray(0, trouble.sent), () => {
      if (trouble.kind === "cut") setTimeout(() => response.destroy(), 20)
    })
  }
}

/** A server, closed with the scope. */
export const make = (repo: string, files: { [path: string]: Served }) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const other = await listen((request, response) => {
        for (const name of Object.keys(request.headers)) state.told.add(name)
        const served = Object.values(state.files).find(({ bytes }) => request.url === `/${hashed(bytes)}`)
        if (request.headers.range !== "bytes=0-0") state.log.push(`BYTES ${request.headers.range ?? "all"}`)
        if (served === undefined) response.writeHead(404).end()
        else send(state, served, request, response)
      })
      const hub = await listen((request, response) => {
        if (request.headers.authorization !== undefined) state.tokens.add(request.headers.authorization)
        request.resume().on("end", () => answer(state, addressOf(other), request, response))
      })
      const state: State = {
        endpoint: addressOf(hub),
        repo,
        commit: "a".repeat(40),
        files,
        troubles: [],
        ranges: true,
        xet: true,
        refusal: undefined,
        never: undefined,
        isCache: false,
        claim: undefined,
        poured: 0,
        log: [],
        tokens: new Set(),
        told: new Set()
      }
      return { state, servers: [hub, other] }
    }),
    ({ servers }) =>
      Effect.sync(() => {
        for (const server of servers) {
          server.closeAllConnections()
          server.close()
        }
      })
  ).pipe(Effect.map(({ state }) => state))

const answer = (state: State, other: string, request: IncomingMessage, response: ServerResponse): void => {
  const { repo, commit, files, endpoint } = state
  const url = new URL(request.url!, endpoint)
  const path = decodeURIComponent(url.pathname)
  const json = (status: number, content: unknown, headers = {}) =>
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(content))
  if (request.headers.range !== "bytes=0-0") state.log.push(`${request.method} ${path}`)
  if (state.never === "silent") return
  if (state.never === "endless") return void pour(state, response.writeHead(state.refusal ?? 200))
  if (state.refusal !== undefined) return void json(state.refusal, { error: "no" })

  const [, of, what] = /^\/api\/models\/(.+)\/(revision|paths-info)\//.exec(path) ?? []
  const [, resolved, revision, file] = /^\/(.+)\/resolve\/([^/]+)\/(.+)$/.exec(path) ?? []
  if ((of ?? resolved) !== repo) return void json(401, { error: "Invalid username or password." })
  const asked = revision ?? path.slice(path.lastIndexOf("/") + 1)
  if (asked !== "main" && asked !== commit) {
    return void json(404, { error: "Invalid rev id" }, { "x-error-code": "RevisionNotFound" })
  }
  if (what === "revision") return void json(200, { _id: "1", id: repo, sha: commit, lastModified: "2026-01-01" })
  if (what === "paths-info") {
    const entries = Object.entries(files).map(([name, served]) => ({
      type: "file",
      path: name,
      size: served.bytes.length,
      oid: gitHashed(served.bytes),
      ...(served.large
        ? { lfs: { oid: hashed(served.bytes), size: state.claim ?? served.bytes.length, pointerSize: 130 } }
        : {})
    }))
    return void json(200, entries)
  }
  const served = files[file!]
  if (served === undefined) return void json(404, { error: "Entry not found" }, { "x-error-code": "EntryNotFound" })
  const headers = {
    "x-repo-commit": commit,
    "x-linked-size": served.bytes.length,
    "x-linked-etag": `"${hashOf(served)}"`
  }
  if (!served.large) {
    state.log.push(`BYTES ${request.headers.range ?? "all"}`)
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    return send(state, served, request, response)
  }
  if (state.xet && request.headers.accept?.includes("application/vnd.xet-fileinfo+json")) {
    const link = `<${endpoint}/xet-auth>; rel="xet-auth", <${endpoint}/xet-info>; rel="xet-reconstruction-info"`
    response.writeHead(200, {
      ...headers,
      "content-type": "application/vnd.xet-fileinfo+json",
      "x-xet-hash": "1",
      link
    })
    return void response.end("{}")
  }
  response.writeHead(302, { ...headers, location: `${other}/${hashed(served.bytes)}` }).end()
}
