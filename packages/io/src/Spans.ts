/**
 * Exporters of the spans of a program: to a file, with one JSON line for each ended span, and to an OTLP endpoint if
 * the environment names one (OTEL_EXPORTER_OTLP_ENDPOINT and the other OTEL_ variables). A failure to export never
 * fails the program: the spans are lost, and one warning is logged. A killed process loses at most its last second, and
 * may leave an incomplete line; readers skip what is not a `Line`.
 */
import {
  Cause,
  ConfigProvider,
  Effect,
  type Exit,
  FileSystem,
  Layer,
  Option,
  Path,
  type PlatformError,
  Result,
  Schema,
  Tracer
} from "effect"
import { FetchHttpClient } from "effect/http"
import { OtlpSerialization, OtlpTracer } from "effect/observability"
import * as Folder from "./Folder.ts"
import { ioError } from "./IoError.ts"

/** An ended span; `start` and `end` in milliseconds since 1970, `attributes` those that are JSON. */
export const Line = Schema.Struct({
  name: Schema.String,
  start: Schema.Finite,
  end: Schema.Finite,
  trace: Schema.String,
  span: Schema.String,
  parent: Schema.optionalKey(Schema.String),
  status: Schema.Literals(["ok", "error", "interrupted"]),
  message: Schema.optionalKey(Schema.String),
  attributes: Schema.Record(Schema.String, Schema.Json)
})

const isJson = Schema.is(Schema.Json)
const millis = (nanos: bigint) => Math.round(Number(nanos) / 1e3) / 1e3

const statusOf = (exit: Exit.Exit<unknown, unknown>): Pick<typeof Line.Type, "status" | "message"> => {
  if (exit._tag === "Success") return { status: "ok" }
  if (Cause.hasInterruptsOnly(exit.cause)) return { status: "interrupted" }
  return { status: "error", message: Cause.prettyErrors(exit.cause)[0]?.message ?? "" }
}

const lineOf = (span: Tracer.Span, end: bigint, exit: Exit.Exit<unknown, unknown>): typeof Line.Type => ({
  name: span.name,
  start: millis(span.status.startTime),
  end: millis(end),
  trace: span.traceId,
  span: span.spanId,
  ...Option.match(span.parent, { onNone: () => ({}), onSome: ({ spanId }) => ({ parent: spanId }) }),
  ...statusOf(exit),
  // A value that contains itself is no JSON either, and makes the test overflow.
  attributes: Object.fromEntries(
    [...span.attributes].filter((entry): entry is [string, Schema.Json] =>
      Result.getOrElse(
        Result.try(() => isJson(entry[1])),
        () => false
      )
    )
  )
})

/** Wraps a tracer so that it also calls `ended` at the end of every sampled span. */
const watch = (inner: Tracer.Tracer, ended: (line: typeof Line.Type) => void) =>
  Tracer.make({
    ...inner,
    span(options) {
      const span = inner.span(options)
      const end = span.end.bind(span)
      span.end = (at, exit) => {
        if (span.status._tag === "Ended") return
        end(at, exit)
        if (span.sampled) ended(lineOf(span, at, exit))
      }
      return span
    }
  })

const NEWLINE = 10

/** Opens a file for appending, and tests whether its last line is incomplete. */
const openAppend = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  yield* Folder.make(paths.dirname(path))
  const file = yield* fs.open(path, { flag: "a+" })
  const { size } = yield* file.stat
  const last = new Uint8Array(1)
  if (Number(size) > 0) yield* file.read(last, { position: BigInt(size) - 1n })
  return { file, torn: Number(size) > 0 && last[0] !== NEWLINE }
})

/**
 * Appends every ended span to a file as a `Line`, once a second and when the layer's scope closes, and passes it on to
 * the previous tracer.
 */
export const layerFile = (path: string): Layer.Layer<never, never, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(
    Tracer.Tracer,
    Effect.gen(function* () {
      const inner = yield* Tracer.Tracer
      let warned = false
      const warn = (error: PlatformError.PlatformError) =>
        Effect.suspend(() => {
          if (warned) return Effect.void
          warned = true
          return Effect.logWarning(`spans are lost: ${ioError(path, "write this file")(error).message}`)
        })
      const opened = yield* openAppend(path).pipe(Effect.tapError(warn), Effect.option)
      if (Option.isNone(opened)) return inner

      const { file } = opened.value
      let { torn } = opened.value
      let lines: Array<string> = []
      const flush = Effect.suspend(() => {
        if (lines.length === 0) return Effect.void
        const text = `${torn ? "\n" : ""}${lines.join("\n")}\n`
        lines = []
        torn = true
        return file.writeAll(new TextEncoder().encode(text)).pipe(
          Effect.tap(() => Effect.sync(() => (torn = false))),
          Effect.catch(warn),
          Effect.uninterruptible
        )
      })
      yield* Effect.addFinalizer(() => flush)
      yield* flush.pipe(Effect.delay("1 second"), Effect.forever, Effect.forkScoped)
      return watch(inner, (line) => lines.push(JSON.stringify(line)))
    })
  )

// Effect's exporter asks for OTEL_TRACES_EXPORTER too; here naming an endpoint is enough.
const defaults = ConfigProvider.fromUnknown({ OTEL_TRACES_EXPORTER: "otlp", OTEL_SERVICE_NAME: "igm" })

const layerOtlp = OtlpTracer.layerFromConfig().pipe(
  Layer.provide([OtlpSerialization.layerJson, FetchHttpClient.layer, ConfigProvider.layerAdd(defaults)]),
  Layer.catchCause((cause) =>
    Layer.effectDiscard(Effect.logWarning(`spans go to no OTLP endpoint: ${Cause.prettyErrors(cause)[0]?.message}`))
  )
)

/**
 * Exports spans to a file as `layerFile` does, and to an OTLP endpoint if the environment names one; the default name
 * of the service is "igm".
 */
export const layer = (path: string): Layer.Layer<never, never, FileSystem.FileSystem | Path.Path> =>
  layerFile(path).pipe(Layer.provide(layerOtlp))
