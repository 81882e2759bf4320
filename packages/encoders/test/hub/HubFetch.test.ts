import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Schema } from "effect"
import { once } from "node:events"
import { type IncomingHttpHeaders, type Server, createServer } from "node:http"
import type { AddressInfo } from "node:net"
import * as HubFetch from "../../src/hub/HubFetch.ts"

/** What came to a host. */
interface Came {
  readonly host: number
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

const addressOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

/**
 * Three hosts, of which the first is the hub: each answers a request by a redirect with a status to the next host that its
 * path names, as `/307:1/302:0/` does to the second host and from there back; and they keep what came.
 */
const hosts = Effect.acquireRelease(
  Effect.promise(async () => {
    const came: Array<Came> = []
    const servers = [0, 1, 2].map((host) =>
      createServer(async (request, response) => {
        let body = ""
        for await (const part of request) body += part
        came.push({ host, method: request.method!, headers: request.headers, body })
        const [, status, next, rest] = /^\/(\d+):(\d)(\/.*)$/.exec(request.url!) ?? []
        if (next === undefined) return void response.end("here")
        const cookie = { "set-cookie": "session=secret" }
        response.writeHead(Number(status), { location: `${addressOf(servers[Number(next)]!)}${rest}`, ...cookie }).end()
      })
    )
    for (const server of servers) await once(server.listen(0, "127.0.0.1"), "listening")
    return { came, servers, addresses: servers.map(addressOf) }
  }),
  ({ servers }) =>
    Effect.sync(() => {
      for (const server of servers) {
        server.closeAllConnections()
        server.close()
      }
    })
)

const Hops = Schema.Array(
  Schema.Struct({ status: Schema.Literals([301, 302, 303, 307, 308]), host: Schema.Literals([0, 1, 2]) })
).check(Schema.isMaxLength(6))

describe("HubFetch", () => {
  it.live.prop(
    "the token reaches the hub, until the first host that is another, and no secret of the client reaches those",
    { first: Schema.Literals([0, 1]), hops: Hops, isPost: Schema.Boolean },
    ({ first, hops, isPost }) =>
      Effect.gen(function* () {
        const { came, addresses } = yield* hosts
        const get = HubFetch.make(
          { endpoint: `${addresses[0]}/mirror`, token: Redacted.make("hf_secret") },
          new AbortController().signal
        )
        const path = hops.map(({ status, host }) => `/${status}:${host}`).join("")
        const secrets = { Authorization: "Bearer of-the-client", Cookie: "secret", "X-Api-Key": "secret" }
        const response = yield* Effect.promise(() =>
          get(`${addresses[first]}${path}/`, {
            headers: { ...secrets, Accept: "application/json", Range: "bytes=0-0" },
            ...(isPost ? { method: "POST", body: "paths" } : {})
          })
        )
        assert.strictEqual(yield* Effect.promise(() => response.text()), "here")
        assert.deepStrictEqual(
          came.map(({ host }) => host),
          [first, ...hops.map(({ host }) => host)]
        )
        let isHub = true
        let method = isPost ? "POST" : "GET"
        came.forEach((one, i) => {
          isHub &&= one.host === 0
          assert.strictEqual(one.headers.authorization, isHub ? "Bearer hf_secret" : undefined)
          assert.notInclude(JSON.stringify(one.headers), isHub ? "of-the-client" : "secret")
          for (const name of ["cookie", "x-api-key"]) assert.isUndefined(one.headers[name])
          assert.deepStrictEqual([one.headers.accept, one.headers.range], ["application/json", "bytes=0-0"])
          if (i > 0 && hops[i - 1]!.status < 304) method = "GET"
          assert.deepStrictEqual([one.method, one.body], [method, method === "POST" ? "paths" : ""])
        })
      }).pipe(Effect.scoped),
    { arbitrary: { runs: 30 } }
  )

  it.live("a circle of redirects ends", () =>
    Effect.gen(function* () {
      const { came, addresses } = yield* hosts
      const get = HubFetch.make({ endpoint: addresses[0]!, token: undefined }, new AbortController().signal)
      const path = "/302:1/302:0".repeat(20)
      const error = yield* Effect.flip(Effect.tryPromise(() => get(`${addresses[0]}${path}/`)))
      assert.match(String(error.cause), /redirects more than 10 times/)
      assert.lengthOf(came, 11)
    }).pipe(Effect.scoped)
  )

  it("only addresses of the web are followed, and none from https to http", () => {
    const cases: ReadonlyArray<readonly [string, string, string | RegExp]> = [
      ["https://hub/a/b", "c", "https://hub/a/c"],
      ["https://hub/a/b", "//cdn/c", "https://cdn/c"],
      ["http://hub/", "https://cdn/", "https://cdn/"],
      ["http://hub/", "http://cdn/", "http://cdn/"],
      ["https://hub/", "http://hub/", /from https to http:\/\/hub/],
      ["https://hub/", "file:///etc/passwd", /to file instead of http/],
      ["https://hub/", "data:,x", /to data instead of http/],
      ["https://hub/", "https://", /to no address/],
      ["https://hub/", "https://me:secret@cdn/", /with a password in it$/]
    ]
    for (const [from, location, right] of cases) {
      if (typeof right === "string") assert.strictEqual(HubFetch.redirected(new URL(from), location).href, right)
      else assert.throws(() => HubFetch.redirected(new URL(from), location), right)
    }
  })
})
