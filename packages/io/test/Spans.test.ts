import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem, Layer, Logger, Option, Schema } from "effect"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { json } from "node:stream/consumers"
import { Spans } from "../src/index.ts"
import * as Disk from "./Disk.ts"

const temporary = FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped()).pipe(
  Effect.map((folder) => `${folder}/run/spans.jsonl`)
)
const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Spans.Line))
/** The lines of a file that are spans. */
const spansOf = (path: string) =>
  FileSystem.FileSystem.use((fs) => fs.readFileString(path)).pipe(
    Effect.map((text) => text.split("\n").flatMap((line) => Option.toArray(decode(line))))
  )

const cyclic: Record<string, unknown> = {}
cyclic["self"] = cyclic

const program = Effect.gen(function* () {
  const attributes = { n: 3, list: ["a", null], big: 1n, call: () => 1, cyclic, none: undefined, nan: Number.NaN }
  yield* Effect.void.pipe(Effect.withSpan("inner", { attributes }))
  yield* Effect.ignore(Effect.fail(new Error("no such file")).pipe(Effect.withSpan("failing")))
  yield* Effect.exit(Effect.interrupt.pipe(Effect.withSpan("stopped")))
  return "done"
}).pipe(Effect.withSpan("outer"))

/** What a program logs, by the message alone. */
const logged = (messages: Array<string>) => Logger.layer([Logger.make(({ message }) => messages.push(String(message)))])
const environment = (variables: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromUnknown(variables))

/** A server that keeps what is posted to it: paths and JSON bodies. */
const collector = Effect.acquireRelease(
  Effect.promise(async () => {
    const posts: Array<{ readonly url: string; readonly body: unknown }> = []
    const server = createServer(async (request, response) => {
      posts.push({ url: request.url!, body: await json(request) })
      response.end("{}")
    }).listen(0, "127.0.0.1")
    await once(server, "listening")
    return { server, posts, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  }),
  ({ server }) => Effect.promise(() => once(server.close(), "close"))
)

const Posted = Schema.Struct({
  resourceSpans: Schema.Array(
    Schema.Struct({
      resource: Schema.Struct({ attributes: Schema.Array(Schema.Struct({ key: Schema.String, value: Schema.Json })) }),
      scopeSpans: Schema.Array(
        Schema.Struct({ spans: Schema.Array(Schema.Struct({ name: Schema.String, spanId: Schema.String })) })
      )
    })
  )
})

describe("Spans", () => {
  it.live("tells what ran within what, how long, with which attributes, and how it ended", () =>
    Effect.gen(function* () {
      const path = yield* temporary
      const begin = Date.now()
      assert.strictEqual(yield* Effect.provide(program, Spans.layerFile(path)), "done")
      const spans = yield* spansOf(path)
      assert.deepStrictEqual(
        spans.map(({ name, status, message }) => [name, status, message]),
        [
          ["inner", "ok", undefined],
          ["failing", "error", "no such file"],
          ["stopped", "interrupted", undefined],
          ["outer", "ok", undefined]
        ]
      )
      const outer = spans.at(-1)!
      assert.isUndefined(outer.parent)
      for (const span of spans.slice(0, -1)) {
        assert.strictEqual(span.parent, outer.span)
        assert.strictEqual(span.trace, outer.trace)
        assert.isTrue(outer.start <= span.start && span.start <= span.end && span.end <= outer.end)
      }
      assert.isTrue(begin - 50 <= outer.start && outer.end <= Date.now() + 50)
      assert.deepStrictEqual(spans[0]!.attributes, { n: 3, list: ["a", null] })
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("a span is in the file a second later, and half a line of a killed process hides none", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* temporary
      yield* Effect.provide(program, Spans.layerFile(path))
      yield* fs.writeFileString(path, '{"name":"ha', { flag: "a" })
      yield* Effect.gen(function* () {
        yield* program
        yield* Effect.sleep("1500 millis")
        assert.lengthOf(yield* spansOf(path), 8)
      }).pipe(Effect.provide(Spans.layerFile(path)))
      assert.lengthOf((yield* fs.readFileString(path)).trimEnd().split("\n"), 9)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("a file that cannot be opened or written is warned of once, and the program goes on", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* temporary
      const messages: Array<string> = []
      const below = `${path}/spans.jsonl`
      yield* fs.makeDirectory(path.slice(0, path.lastIndexOf("/")))
      yield* fs.writeFileString(path, "")
      assert.strictEqual(
        yield* program.pipe(Effect.provide(Spans.layerFile(below)), Effect.provide(logged(messages))),
        "done"
      )
      assert.deepStrictEqual(messages, [
        `spans are lost: ${below}: cannot write this file: a part of this path is a file, not a folder`
      ])

      const long = program.pipe(Effect.andThen(Effect.sleep("1200 millis")), Effect.andThen(program))
      const spans = Spans.layerFile(path).pipe(Layer.provide(Disk.full))
      assert.strictEqual(yield* long.pipe(Effect.provide(spans), Effect.provide(logged(messages))), "done")
      assert.deepStrictEqual(messages.slice(1), [`spans are lost: ${path}: cannot write this file: the disk is full`])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  for (const [variables, service] of [
    [{}, "igm"],
    [{ OTEL_SERVICE_NAME: "mine" }, "mine"]
  ] as const) {
    it.live(`an OTLP endpoint gets the same spans as the file, from the service "${service}"`, () =>
      Effect.gen(function* () {
        const path = yield* temporary
        const { posts, url } = yield* collector
        yield* program.pipe(
          Effect.provide(Spans.layer(path)),
          Effect.provide(environment({ OTEL_EXPORTER_OTLP_ENDPOINT: url, ...variables }))
        )
        assert.deepStrictEqual(
          posts.map(({ url }) => url),
          ["/v1/traces"]
        )
        const [resource] = (yield* Schema.decodeUnknownEffect(Posted)(posts[0]!.body)).resourceSpans
        assert.deepStrictEqual(resource!.resource.attributes.find(({ key }) => key === "service.name")?.value, {
          stringValue: service
        })
        const inFile = (yield* spansOf(path)).map(({ name, span }) => ({ name, spanId: span }))
        assert.lengthOf(inFile, 4)
        assert.deepStrictEqual(resource!.scopeSpans[0]!.spans, inFile)
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }

  it.live("without an endpoint, with one that is silent, or with nonsense for one, the file has the spans", () =>
    Effect.gen(function* () {
      for (const [variables, warnings] of [
        [{}, 0],
        [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" }, 0],
        [{ OTEL_EXPORTER_OTLP_ENDPOINT: "not a url" }, 1]
      ] as const) {
        const path = yield* temporary
        const messages: Array<string> = []
        const run = program.pipe(
          Effect.provide(Spans.layer(path)),
          Effect.provide([environment(variables), logged(messages)])
        )
        assert.strictEqual(yield* run, "done")
        assert.lengthOf(yield* spansOf(path), 4)
        assert.lengthOf(messages, warnings, messages.join("\n"))
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
