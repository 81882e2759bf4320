import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Path, Stream } from "effect"
import { Tar } from "effect/encoding"
import { type Server, createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { gzipSync } from "node:zlib"
import { Fsdd } from "../src/index.ts"

/** A server that answers every request with the given bytes; its address. */
const serve = (body: Uint8Array, status = 200) =>
  Effect.acquireRelease(
    Effect.callback<Server>((resume) => {
      const server = createServer((_, response) => response.writeHead(status).end(body))
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
  ).pipe(Effect.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/fsdd.tar.gz`))

/** A server whose answers have no end; its address. */
const endless = Effect.acquireRelease(
  Effect.callback<Server>((resume) => {
    const bytes = Buffer.alloc(1 << 20)
    const server = createServer((_, response) => {
      const pour = (): void => {
        while (!response.destroyed) if (!response.write(bytes)) return void response.once("drain", pour)
      }
      pour()
    })
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) =>
    Effect.callback<void>((resume) => {
      server.closeAllConnections()
      server.close(() => resume(Effect.void))
    })
).pipe(Effect.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/fsdd.tar.gz`))

const archive = Stream.make(
  Tar.file("fsdd-1/README.md", "about"),
  Tar.file("fsdd-1/recordings/0_ann_0.wav", "sound 0"),
  Tar.file("fsdd-1/recordings/1_ann_0.wav", "sound 1")
).pipe(
  Stream.pipeThroughChannel(Tar.encode()),
  Stream.runCollect,
  Effect.map((parts) => Buffer.concat(parts))
)

describe("Fsdd", () => {
  it.effect("puts the archive's recordings into the folder", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const into = path.join(yield* fs.makeTempDirectoryScoped(), "data/recordings")
      const url = yield* serve(gzipSync(yield* archive))
      assert.strictEqual(yield* Fsdd.download(url, into), 2)
      assert.deepStrictEqual((yield* fs.readDirectory(into)).toSorted(), ["0_ann_0.wav", "1_ann_0.wav"])
      assert.strictEqual(yield* fs.readFileString(path.join(into, "1_ann_0.wav")), "sound 1")
      const again = yield* Effect.flip(Fsdd.download(url, into))
      assert.include(again.message, "exists already")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("leaves nothing behind when the download is cut off, refused or impossible", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const folder = yield* fs.makeTempDirectoryScoped()
      const into = path.join(folder, "recordings")
      const whole = gzipSync(yield* archive)
      const messageOf = (url: string) =>
        Effect.flip(Fsdd.download(url, into)).pipe(Effect.map(({ message }) => message))
      assert.include(
        yield* messageOf(yield* serve(whole.subarray(0, whole.length / 2))),
        "not a gzip archive, or not all of it"
      )
      const bomb = gzipSync(new Uint8Array(101_000_000), { level: 1 })
      assert.include(yield* messageOf(yield* serve(bomb)), "it has more than 100000000 bytes")
      assert.include(yield* messageOf(yield* endless), "it has more than 100000000 bytes")
      assert.include(yield* messageOf(yield* serve(new Uint8Array(), 404)), "the server answered 404")
      assert.include(yield* messageOf("http://127.0.0.1:9/none"), "cannot be reached")
      assert.deepStrictEqual(yield* fs.readDirectory(folder), [])
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
