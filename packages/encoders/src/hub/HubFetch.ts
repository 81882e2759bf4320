/**
 * The `fetch` that the hub's client is given. The client never sees the token: it is added here, to requests of the hub's
 * own origin (scheme, host and port), and nothing that could be a credential goes anywhere else, whatever the client asks
 * for. Redirects are followed here, one by one, since the hub keeps large files on other hosts; one that leads back from
 * another host is not trusted again. An answer that should be small is not read beyond a limit.
 */
import { Redacted } from "effect"
import type { HubSettings } from "./HubSettings.ts"

/** An answer that is not followed or not read on; its message goes on after "the hub". */
export class Distrusted extends Error {
  override readonly name = "Distrusted"
}

const REDIRECTS = new Set([301, 302, 303, 307, 308])
/** Redirects in a row, at most. */
const MOST = 10
/** The headers of the client's that are sent; of others one cannot know what they give away. */
const PUBLIC = new Set(["accept", "range", "content-type"])

/** The target of a redirect; the address as it was given is in no message, since it may be signed. */
export const redirected = (from: URL, location: string): URL => {
  const to = URL.canParse(location, from.href) ? new URL(location, from.href) : undefined
  if (to === undefined || !/^https?:$/.test(to.protocol)) {
    throw new Distrusted(
      `redirects to ${to === undefined ? "no address" : `${to.protocol.slice(0, -1)} instead of http`}`
    )
  }
  if (from.protocol === "https:" && to.protocol === "http:") {
    throw new Distrusted(
      `redirects from https to ${to.origin}, where anyone on the way could read and change what comes`
    )
  }
  if (to.username !== "" || to.password !== "") throw new Distrusted("redirects to an address with a password in it")
  return to
}

/** A `fetch` that sends the token to the hub alone, and gives all up with a signal. */
export const make =
  ({ endpoint, token }: Pick<HubSettings, "endpoint" | "token">, signal: AbortSignal): typeof fetch =>
  async (input, init) => {
    const hub = new URL(endpoint).origin
    const request = new Request(input, init)
    let body = request.body === null ? undefined : await request.arrayBuffer()
    let method = request.method
    let url = new URL(request.url)
    let isHub = true
    for (let hops = 0; hops <= MOST; hops++) {
      isHub &&= url.origin === hub
      const headers = new Headers()
      for (const [name, value] of request.headers) {
        const isKept = PUBLIC.has(name) && (name !== "content-type" || body !== undefined)
        if (isKept) headers.set(name, value)
      }
      if (isHub && token !== undefined) headers.set("authorization", `Bearer ${Redacted.value(token)}`)
      const sent = body === undefined ? {} : { body }
      const response = await fetch(url, { method, headers, redirect: "manual", credentials: "omit", signal, ...sent })
      const location = response.headers.get("location")
      if (!REDIRECTS.has(response.status) || location === null) return response
      await response.body?.cancel()
      url = redirected(url, location)
      if (response.status < 304 && method !== "HEAD") {
        method = "GET"
        body = undefined
      }
    }
    throw new Distrusted(`redirects more than ${MOST} times in a row`)
  }

/** Reads the whole of an answer that should be small. */
export const whole = async (response: Response, most: number): Promise<Response> => {
  const { status, headers } = response
  if (status > 599) throw new Distrusted(`answers ${status}, which is no status of HTTP`)
  const parts: Array<Uint8Array> = []
  let length = 0
  for await (const part of response.body ?? []) {
    length += part.length
    if (length > most) throw new Distrusted(`answers with more than ${most} bytes, where some thousand would do`)
    parts.push(part)
  }
  return new Response(length === 0 ? null : Buffer.concat(parts), { status, headers })
}
