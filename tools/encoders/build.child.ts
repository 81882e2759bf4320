/** Builds one encoder from a weight file and prints, as JSON, what that took: for `Built.ts`. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Architecture, Bert, ResNet, Weights } from "@igm/encoders"
import { Effect } from "effect"
import { readFileSync } from "node:fs"

const [name, file, out] = process.argv.slice(2) as [string, string, string]

const architecture =
  name === "resnet50"
    ? ResNet.make({ depth: 50, channels: 3, output: "pooled" })
    : Bert.make({ width: 768, output: "cls" })

const before = process.memoryUsage.rss()
const start = performance.now()
const program = Effect.flatMap(Weights.open(file), (weights) => Architecture.write(architecture, weights, out))
const digest = await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
const seconds = (performance.now() - start) / 1000
process.stdout.write(JSON.stringify({ seconds, most: mostMemory(), before, digest }))

/** The most resident memory, in bytes; Linux adds to `maxRSS` that of the process which started this one. */
function mostMemory(): number {
  if (process.platform !== "linux") return process.resourceUsage().maxRSS * 1024
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))![1]) * 1024
}
