/**
 * `npm run conformance [-- --features FILE] [--engines LIST] [--rows N] [--json]`: trains on every interpreter that this
 * machine has and prints how far each is from float64. Exit code 1 where a bar is missed.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { ArtifactStore, Progress } from "@igm/io"
import { MediaDecoder } from "@igm/media"
import { EncoderRuntime } from "@igm/encoders"
import { Devices, HeadTrainer, Interpreter, WorkerEngine } from "@igm/training"
import { Console, Effect, Layer, Result } from "effect"
import { Command, Flag } from "effect/cli"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as Conformance from "./Conformance.ts"
import * as Data from "./Data.ts"

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const cremad = here("../../../shared/data/cremad-features/our.safetensors")

interface Line {
  readonly data: string
  readonly interpreter: string
  readonly method: string
  readonly deviation: Conformance.Deviation
  readonly holds: boolean
}

/** A training that an interpreter could not do: as much of a miss as wrong numbers are. */
interface Failed {
  readonly data: string
  readonly interpreter: string
  readonly method: string
  readonly problem: string
}

const nameOf = ({ engine, device }: (typeof Devices.pairs)[number]): string =>
  engine === "reference" ? engine : `${engine}-${device}`

const show = (x: number): string => x.toExponential(1).padStart(9)

const told = ({ interpreter, method, deviation: d, holds }: Line): string =>
  `  ${interpreter.padEnd(14)} ${method.padEnd(14)} losses ${show(d.losses)}  weights ${show(d.weights)}  at the end ${show(
    d.last
  )}  other predictions ${d.differ} of ${d.of}${holds ? "" : "   <- misses the bar"}`

/** The courses of all methods on an engine in a thread of its own. */
const coursesOn = (choice: (typeof Devices.pairs)[number], data: Conformance.Data) =>
  Effect.gen(function* () {
    const engine = yield* WorkerEngine.engine(choice, { threads: 1 })
    const interpreter = Interpreter.Interpreter.ofEngine(engine)
    const trainer = HeadTrainer.layerInterpreter.pipe(
      Layer.provide(Layer.succeed(Interpreter.Interpreter, interpreter))
    )
    const start = performance.now()
    const courses = yield* Effect.forEach(Conformance.methodsOf(data), (method) =>
      HeadTrainer.use((service) => Conformance.course(service, interpreter, method, data)).pipe(
        Effect.result,
        Effect.map((course) => ({ method: method.name, course }))
      )
    ).pipe(Effect.provide(trainer))
    return { info: engine.info, courses, seconds: (performance.now() - start) / 1000 }
  }).pipe(Effect.scoped)

const conformance = Command.make(
  "conformance",
  {
    features: Flag.String("features").pipe(
      Flag.withDescription("A safetensors file with audio, video and label, besides AV-digits"),
      Flag.withDefault(cremad)
    ),
    engines: Flag.String("engines").pipe(
      Flag.withDescription("Which interpreters, such as onnx-cpu,tfjs-wasm; all by default"),
      Flag.withDefault("")
    ),
    rows: Flag.Int("rows").pipe(Flag.withDescription("Training samples of a set"), Flag.withDefault(120)),
    json: Flag.Boolean("json").pipe(Flag.withDefault(false))
  },
  Effect.fn(function* ({ features, engines, rows, json }) {
    const wanted = engines.split(",").filter((name) => name !== "")
    const chosen = Devices.pairs.filter(
      (pair) => pair.engine !== "reference" && (wanted.length === 0 || wanted.includes(nameOf(pair)))
    )
    const print = (line: string) => (json ? Effect.void : Console.log(line))
    const sets = [yield* Data.avDigits(rows), ...(existsSync(features) ? [Data.file(features, rows)] : [])]
    if (!existsSync(features)) yield* print(`no features at ${features}: AV-digits alone`)
    const lines: Array<Line> = []
    const failed: Array<Failed> = []
    const absent: Array<{ readonly choice: string; readonly reason: string }> = []
    for (const data of sets) {
      const exact = yield* coursesOn({ engine: "reference", device: "cpu" }, data)
      const references = yield* Effect.forEach(exact.courses, ({ course }) => Effect.fromResult(course))
      const steps = Math.max(...references.map((course) => course.steps))
      yield* print(
        `${data.name}: ${steps} steps an epoch, four turns or more; float64 took ${exact.seconds.toFixed(0)} s`
      )
      for (const choice of chosen) {
        const found = yield* coursesOn(choice, data).pipe(Effect.result)
        if (found._tag === "Failure") {
          const reason = found.failure.message
          absent.push({ choice: nameOf(choice), reason })
          yield* print(`  ${nameOf(choice).padEnd(14)} is not available: ${reason}`)
          continue
        }
        const { info, courses, seconds } = found.success
        const versions = Object.entries(info.versions).map((pair) => pair.join(" "))
        yield* print(`  ${nameOf(choice)}: ${[info.name, ...versions].join(", ")}; took ${seconds.toFixed(0)} s`)
        for (const [i, { method, course }] of courses.entries()) {
          if (Result.isFailure(course)) {
            const problem = course.failure.message
            failed.push({ data: data.name, interpreter: nameOf(choice), method, problem })
            yield* print(`  ${nameOf(choice).padEnd(14)} ${method.padEnd(14)} failed: ${problem}`)
            continue
          }
          const deviation = Conformance.deviation(course.success, references[i]!)
          const holds = Conformance.holds(deviation)
          const line: Line = { data: data.name, interpreter: nameOf(choice), method, deviation, holds }
          lines.push(line)
          yield* print(told(line))
        }
      }
    }
    const missed = lines.filter(({ holds }) => !holds)
    const bad = missed.length + failed.length
    if (json) yield* Console.log(JSON.stringify({ lines, failed, absent }))
    else yield* print(bad === 0 ? "Every bar holds." : `${bad} of ${lines.length + failed.length} lines miss a bar.`)
    if (bad > 0) process.exitCode = 1
  })
).pipe(Command.withDescription("Hold every interpreter to float64"))

const layers = Layer.mergeAll(
  EncoderRuntime.layerCpu,
  MediaDecoder.layer,
  ArtifactStore.layer(here("../../runs/.store"))
).pipe(Layer.provideMerge(Progress.layer.pipe(Layer.provideMerge(NodeServices.layer))))

conformance.pipe(Command.run({ version: "0.1.0" }), Effect.provide(layers), NodeRuntime.runMain)
