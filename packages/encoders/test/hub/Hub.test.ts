import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Progress } from "@igm/io"
import { Keyed } from "@igm/tensor"
import { ConfigProvider, Effect, Fiber, FileSystem, Layer, PlatformError, Schedule, Schema } from "effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { Hub, type HubError } from "../../src/index.ts"
import * as HubServer from "./HubServer.ts"

const REPO = "somebody/net"

const noise = (name: string, length: number): Uint8Array => {
  const stream = Keyed.stream([name])
  return Uint8Array.from({ length }, () => Keyed.below(stream, 256))
}

const weights = { bytes: noise("weights", 300_000), large: true }
const vocabulary = { bytes: noise("vocabulary", 5000), large: false }

/** A hub with two files, an empty cache, and what gets files of one into the other. */
const setting = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const server = yield* HubServer.make(REPO, { "model.safetensors": weights, "vocab.txt": vocabulary })
  const cache = yield* fs.makeTempDirectoryScoped()
  const variables = { HF_ENDPOINT: server.endpoint, HF_HUB_CACHE: cache }
  const get = (
    wanted: { readonly file?: string; readonly revision?: string; readonly repo?: string } = {},
    more: Record<string, string> = {},
    layer = Hub.layerPausing(10)
  ) =>
    Hub.use((hub) => hub.get({ repo: REPO, file: "model.safetensors", revision: "main", ...wanted })).pipe(
      Effect.provide(layer),
      Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ ...variables, ...more })))
    )
  const folder = `${cache}/models--somebody--net`
  const files = Effect.map(fs.readDirectory(cache, { recursive: true }), (names) =>
    names.filter((name) => /blobs\/|snapshots\/.*\//.test(name)).toSorted()
  )
  const bodies = () => server.log.filter((line) => line.startsWith("BYTES")).splice(0)
  return { fs, server, cache, folder, files, get, bodies, variables }
})

const layers = Layer.mergeAll(NodeServices.layer, Progress.layerSilent)

const problem = <A, R>(effect: Effect.Effect<A, HubError, R>) =>
  Effect.map(Effect.flip(effect), ({ reason, message }) => ({ reason, message }))

describe("Hub", () => {
  it.live("brings a file into the cache that the hub's libraries share, and does not ask for it again", () =>
    Effect.gen(function* () {
      const { fs, server, cache, folder, files, get, bodies } = yield* setting
      const first = yield* get({}, { HF_TOKEN: "hf_secret" })
      const { commit } = server
      assert.deepStrictEqual(first, { path: `${folder}/snapshots/${commit}/model.safetensors`, commit })
      assert.deepStrictEqual(yield* fs.readFile(first.path), weights.bytes)
      assert.strictEqual(yield* fs.readFileString(`${folder}/refs/main`), commit)
      assert.strictEqual(yield* fs.readLink(first.path), `../../blobs/${HubServer.hashOf(weights)}`)
      assert.deepStrictEqual([...server.tokens], ["Bearer hf_secret"])
      const notTheirs = [...server.told].filter((name) => /auth|cookie|token|key/.test(name))
      assert.isEmpty(notTheirs, "the token goes to the hub alone, not to where it keeps large files")

      const small = yield* get({ file: "vocab.txt" })
      assert.deepStrictEqual(yield* fs.readFile(small.path), vocabulary.bytes)
      const names = yield* files
      assert.lengthOf(names, 4, names.join("\n"))

      server.log.length = 0
      assert.deepStrictEqual(yield* get(), first)
      assert.isEmpty(bodies())
      server.log.length = 0
      assert.deepStrictEqual(yield* get({ revision: commit }), first)
      assert.deepStrictEqual(yield* get({}, { HF_HUB_OFFLINE: "1" }), first)
      assert.isEmpty(server.log, "at a commit, and offline, nothing is asked")

      // A commit that changes another file brings no bytes of this one.
      server.commit = "b".repeat(40)
      const later = yield* get()
      assert.strictEqual(later.path, `${folder}/snapshots/${server.commit}/model.safetensors`)
      assert.isEmpty(bodies())
      assert.include((yield* fs.readDirectory(cache)).join(), ".locks")
    }).pipe(Effect.scoped, Effect.provide(layers))
  )

  const Cuts = Schema.Array(
    Schema.Struct({
      kind: Schema.Literals(["cut", "short"]),
      sent: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 150_000 }))
    })
  ).check(Schema.isMaxLength(3))
  it.live.prop(
    "however often the connection breaks, the file comes whole, and no byte is asked for twice",
    { cuts: Cuts, xet: Schema.Boolean },
    ({ cuts, xet }) =>
      Effect.gen(function* () {
        const { fs, server, files, get, bodies } = yield* setting
        server.xet = xet
        server.troubles = [...cuts]
        const { path } = yield* get()
        assert.deepStrictEqual(yield* fs.readFile(path), weights.bytes)
        assert.lengthOf(yield* files, 2)
        const starts = bodies().map((line) => Number(/bytes=(\d+)/.exec(line)?.[1] ?? 0))
        let at = 0
        const expected = [0, ...cuts.map(({ sent }) => (at += sent))].filter((start) => start < weights.bytes.length)
        assert.deepStrictEqual(starts, expected)
      }).pipe(Effect.scoped, Effect.provide(layers)),
    { arbitrary: { runs: 5 } }
  )

  it.live("a download that cannot be finished says how much is kept, and the next one goes on from there", () =>
    Effect.gen(function* () {
      const { fs, server, files, get, bodies } = yield* setting
      server.troubles = [
        { kind: "cut", sent: 100_000 },
        ...Array.from({ length: 4 }, () => ({ kind: "cut", sent: 0 }) as const)
      ]
      const { reason, message } = yield* problem(get())
      assert.strictEqual(reason, "truncated")
      assert.match(
        message,
        /^somebody\/net\/model.safetensors: the connection broke.*; 100000 of 300000 bytes have come/
      )
      assert.deepStrictEqual(
        (yield* files).map((name) => name.replace(/^.*\//, "")),
        [`${HubServer.hashOf(weights)}.igm.incomplete`]
      )
      server.log.length = 0
      const { path } = yield* get()
      assert.deepStrictEqual(yield* fs.readFile(path), weights.bytes)
      assert.deepStrictEqual(bodies(), ["BYTES bytes=100000-299999"])
    }).pipe(Effect.scoped, Effect.provide(layers))
  )

  it.live("a server that serves no parts of files, or has hiccups, costs time alone", () =>
    Effect.gen(function* () {
      const { fs, server, get } = yield* setting
      server.ranges = false
      server.troubles = [
        { kind: "cut", sent: 100_000 },
        { kind: "status", status: 503 }
      ]
      const { path } = yield* get()
      assert.deepStrictEqual(yield* fs.readFile(path), weights.bytes)
    }).pipe(Effect.scoped, Effect.provide(layers))
  )

  it.live("bytes that are not those that the hub promised are an error with both digests, and are not kept", () =>
    Effect.gen(function* () {
      const { server, folder, files, get } = yield* setting
      const promised = HubServer.hashOf(weights)
      const serve = (bytes: Uint8Array) => (server.files["model.safetensors"] = { bytes, large: true })
      // The content changes between what is said of it and when it comes.
      const other = Uint8Array.from(weights.bytes)
      other[7]! ^= 1
      const fs = yield* FileSystem.FileSystem
      yield* fs.makeDirectory(`${folder}/blobs`, { recursive: true })
      yield* fs.writeFile(`${folder}/blobs/${promised}.igm.incomplete`, other.slice(0, 1000))
      serve(weights.bytes)
      const { reason, message } = yield* problem(get())
      assert.strictEqual(reason, "digest")
      assert.include(
        message,
        `have the digest ${HubServer.hashOf({ bytes: other, large: true })}, and the hub promised ${promised}`
      )
      assert.isEmpty(yield* files)
      yield* get()
      assert.lengthOf(yield* files, 2)
    }).pipe(Effect.scoped, Effect.provide(layers))
  )

  it.live("the token stays with the hub where its client would send it to a cache of it on another host", () =>
    Effect.gen(function* () {
      const { fs, server, get } = yield* setting
      server.isCache = true
      server.xet = false
      const { path } = yield* get({}, { HF_TOKEN: "hf_secret" })
      assert.deepStrictEqual(yield* fs.readFile(path), weights.bytes)
      assert.deepStrictEqual([...server.tokens], ["Bearer hf_secret"])
      assert.isTrue(server.told.has("range"))
      assert.isFalse(server.told.has("authorization"))
    }).pipe(Effect.scoped, Effect.provide(layers))
  )

  it.live("what has no end is cut: bytes at the promised length, and answers about files at some megabytes", () =>
    Effect.gen(function* () {
      const { server, files, get } = yield* setting
      server.troubles = [{ kind: "endless" }]
      const endless = yield* problem(get())
      assert.strictEqual(endless.reason, "digest")
      assert.include(endless.message, "somebody/net/model.safetensors: the server sends more than the 300000 bytes")
      assert.isEmpty(yield* files)
      for (const refusal of [undefined, 500]) {
        server.never = "endless"
        server.refusal = refusal
        assert.include((yield* problem(get())).message, "answers with more than 4000000 bytes")
      }
      assert.isBelow(server.poured, 100_000_000)
      server.never = server.refusal = undefined
      server.claim = 2 ** 50
      assert.include((yield* problem(get())).message, `first that it has ${2 ** 50} bytes, and then 300000`)
      assert.isEmpty(yield* files)
    }).pipe(Effect.scoped, Effect.provide(layers))
  )

  it.live("a connection that is silent is given up, and says which variable gives it more time", () =>
    Effect.gen(function* () {
      const { fs, server, get } = yield* setting
      const within = (seconds: number) => ({ HF_HUB_DOWNLOAD_TIMEOUT: String(seconds) })
      server.troubles = Array.from({ length: 3 }, (_, i) => ({ kind: "hold", sent: i === 0 ? 100_000 : 0 }) as const)
      const stalled = yield* problem(get({}, within(0.5)))
      assert.strictEqual(stalled.reason, "silent")
      assert.include(stalled.message, "says nothing for 0.5 seconds")
      assert.include(stalled.message, "100000 of 300000 bytes have come and are kept")
      assert.deepStrictEqual(yield* fs.readFile((yield* get()).path), weights.bytes)
      server.never = "silent"
      assert.include((yield* problem(get({}, within(0.1)))).message, "set HF_HUB_DOWNLOAD_TIMEOUT to more")
    }).pipe(Effect.scoped, Effect.provide(layers))
  )

  it.live("of a part that was not asked for, what is of use is used; one that leaves a gap is an error", () =>
    Effect.gen(function* () {
      const { fs, server, files, get } = yield* setting
      const cut = { kind: "cut", sent: 100_000 } as const
      server.troubles = [cut, { kind: "elsewhere", start: 150_000 }]
      assert.include((yield* problem(get())).message, "another part than it was asked for")
      assert.isEmpty(yield* files)
      server.troubles = [cut, { kind: "elsewhere", start: 50_000 }]
      assert.deepStrictEqual(yield* fs.readFile((yield* get()).path), weights.bytes)
    }).pipe(Effect.scoped, Effect.provide(layers))
  )

  it.live("a file of no bytes is a file", () =>
    Effect.gen(function* () {
      const { fs, server, get } = yield* setting
      server.files["vocab.txt"] = { bytes: new Uint8Array(), large: false }
      assert.lengthOf(yield* fs.readFile((yield* get({ file: "vocab.txt" })).path), 0)
    }).pipe(Effect.scoped, Effect.provide(layers))
  )

  it.live("what cannot be had is a typed error that says what to do", () =>
    Effect.gen(function* () {
      const { server, cache, get } = yield* setting
      const cases: ReadonlyArray<readonly [ReturnType<typeof get>, HubError["reason"], string]> = [
        [
          get({ repo: "somebody/else" }),
          "refused",
          "(401): it does not exist, or is private or gated, and set HF_TOKEN"
        ],
        [get({ repo: "somebody/else" }, { HF_TOKEN: "hf_x" }), "refused", "HF_TOKEN may not read it"],
        [get({ revision: "nowhere" }), "missing", `no somebody/net at revision nowhere on ${server.endpoint}`],
        [get({ file: "other.bin" }), "missing", "there is no file other.bin in somebody/net at revision aaaa"],
        [
          get({}, { HF_HUB_OFFLINE: "TRUE" }),
          "offline",
          `HF_HUB_OFFLINE is set, and the file is not in ${cache}: unset it, or`
        ],
        [get({}, { HF_HUB_OFFLINE: "perhaps" }), "settings", "HF_HUB_OFFLINE is perhaps: set it to 1 or 0"],
        [get({}, { HF_TOKEN: "secret" }), "settings", "HF_TOKEN is not a token of the hub"],
        [get({}, { HF_TOKEN: "hf_a\nb" }), "settings", "HF_TOKEN is not a token of the hub"],
        [get({}, { HF_HUB_DOWNLOAD_TIMEOUT: "soon" }), "settings", "HF_HUB_DOWNLOAD_TIMEOUT is soon: set it to"],
        [get({}, { HF_ENDPOINT: "https://me:secret@hub" }), "settings", "HF_ENDPOINT has more in it than an address"],
        [get({}, { HF_ENDPOINT: "hub.example" }), "settings", "HF_ENDPOINT is hub.example, which is not an address"],
        [get({}, { HF_ENDPOINT: "http://127.0.0.1:9" }), "unreachable", "http://127.0.0.1:9 cannot be reached"],
        [get({ file: "../../../etc/passwd" }), "settings", "cannot be a name on the hub"],
        [get({ file: "a\0b" }), "settings", "cannot be a name on the hub"],
        [get({ repo: "a?b/c" }), "settings", '"a?b/c" cannot be a name on the hub']
      ]
      for (const [effect, reason, words] of cases) {
        const found = yield* problem(effect)
        assert.strictEqual(found.reason, reason, found.message)
        assert.include(found.message, words)
      }
      server.refusal = 403
      assert.include((yield* problem(get())).message, `ask for it on ${server.endpoint}/somebody/net`)
      server.refusal = 429
      assert.include((yield* problem(get())).message, "the hub asks to wait (429)")
      server.refusal = 200
      assert.include((yield* problem(get())).message, "which commit main is")
    }).pipe(Effect.scoped, Effect.provide(layers))
  )

  it.live("a full disk is an error that says so, and what has come is kept", () =>
    Effect.gen(function* () {
      const { files, get } = yield* setting
      const noRoom = PlatformError.systemError({
        _tag: "Unknown",
        module: "FileSystem",
        method: "test",
        cause: { code: "ENOSPC" }
      })
      const full = Layer.effect(
        FileSystem.FileSystem,
        Effect.map(FileSystem.FileSystem, (fs) => ({
          ...fs,
          open: (path: string, options?: object) =>
            Effect.map(fs.open(path, options), (file) =>
              path.endsWith(".incomplete")
                ? (Object.create(file, { writeAll: { value: () => Effect.fail(noRoom) } }) as FileSystem.File)
                : file
            )
        }))
      )
      const { reason, message } = yield* problem(get({}, {}, Hub.layerPausing(10).pipe(Layer.provide(full))))
      assert.strictEqual(reason, "disk")
      assert.include(message, "the disk is full; make room and run this again: what has come is kept")
      assert.lengthOf(yield* files, 1)
      yield* get()
      assert.lengthOf(yield* files, 2)
    }).pipe(Effect.scoped, Effect.provide(layers))
  )

  it.live("of processes that want a file one brings it; killed, it leaves its part to the next, and no half file", () =>
    Effect.gen(function* () {
      const { fs, server, cache, files, get, bodies, variables } = yield* setting
      server.troubles = [{ kind: "hold", sent: 120_000 }]
      const other = spawn(
        process.execPath,
        ["--disable-warning=ExperimentalWarning", getter, REPO, "model.safetensors"],
        {
          env: { ...process.env, ...variables },
          stdio: "ignore"
        }
      )
      const soon = <A, E, R>(effect: Effect.Effect<A, E, R>, is: (value: A) => boolean) =>
        Effect.retry(Effect.filterOrFail(effect, is), Schedule.spaced("10 millis"))
      const [name] = yield* soon(files, ([name]) => name?.endsWith(".incomplete") === true)
      const size = Effect.map(fs.stat(`${cache}/${name}`), ({ size }) => Number(size))
      yield* soon(size, (size) => size === 120_000)
      // The other holds the download: we, who wait for it, ask what the file is and no more.
      const ours = yield* Effect.forkChild(get())
      const asked = Effect.sync(() => server.log.filter((line) => line.includes("paths-info")).length)
      yield* soon(asked, (count) => count === 2)
      yield* Effect.sleep("200 millis")
      assert.deepStrictEqual(bodies(), ["BYTES all"])
      other.kill("SIGKILL")
      assert.lengthOf(yield* files, 1)
      const { path } = yield* Fiber.join(ours)
      assert.deepStrictEqual(yield* fs.readFile(path), weights.bytes)
      assert.deepStrictEqual(bodies(), ["BYTES all", "BYTES bytes=120000-299999"])
    }).pipe(Effect.scoped, Effect.provide(layers))
  )
})

const getter = fileURLToPath(new URL("./HubGetter.ts", import.meta.url))
