/**
 * Measures the building of the largest encoders from weight files of full size: in a process for each, its time from
 * opening the weights to the finished file, and the most memory that it held, next to that of a process which does
 * nothing.
 */
import { Safetensors, type Tensor } from "@igm/tensor"
import { Console, Effect, FileSystem } from "effect"
import { execFile } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import * as Formula from "../../packages/encoders/test/formula.ts"
import * as Golden from "../../packages/encoders/test/golden.ts"

const child = fileURLToPath(new URL("build.child.ts", import.meta.url))

/** The output of a child process. */
interface Figures {
  readonly seconds: number
  /** Of resident memory, in bytes: the most, and what the process held before it began. */
  readonly most: number
  readonly before: number
}

const MB = 1e6

const megabytes = (bytes: number) => `${(bytes / MB).toFixed(0)} MB`

const models = [
  { name: "resnet50", family: "resnet", layout: "resnet50" },
  { name: "bert-base", family: "bert", layout: "bert-base" }
] as const

/** Writes weights of full size to a file and gives its size. */
const write = Effect.fnUntraced(function* (file: string, lines: ReadonlyArray<Formula.Line>) {
  const weights = Formula.weights(lines)
  const tensors: Record<string, Tensor.Tensor> = {}
  for (const [name] of lines) tensors[name] = yield* weights.read(name)
  const bytes = Safetensors.encode(tensors)
  yield* (yield* FileSystem.FileSystem).writeFile(file, bytes)
  return bytes.length
})

/** Seconds that a build may take, and its memory in sizes of the weight file. */
const LIMITS = { seconds: 20, times: 2.5 }

/** Prints time and memory of each build; whether all are within the limits. */
export const measure = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  yield* Console.log(
    `\nBuilt from safetensors files of full size, in at most ${LIMITS.seconds} s and ${LIMITS.times} times the file:`
  )
  let within = true
  for (const { name, family, layout } of models) {
    const { layouts } = yield* Golden.read(family)
    const file = join(folder, `${name}.safetensors`)
    const size = yield* write(file, layouts[layout]!)
    const args = ["--disable-warning=ExperimentalWarning", child, name, file, join(folder, `${name}.onnx`)]
    const { stdout } = yield* Effect.promise(() => promisify(execFile)(process.execPath, args))
    const { seconds, most, before }: Figures = JSON.parse(stdout)
    const memory = `${megabytes(most)} at most (${megabytes(before)} before it began)`
    const times = most / size
    within &&= seconds <= LIMITS.seconds && times <= LIMITS.times
    yield* Console.log(
      `${name.padEnd(10)} ${megabytes(size)}: ${seconds.toFixed(1)} s, ${memory}: ${times.toFixed(2)} times the file`
    )
    yield* fs.remove(file)
  }
  return within
}).pipe(Effect.scoped)
