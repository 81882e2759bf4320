/**
 * The placement of a model's nodes on execution providers. onnxruntime runs nodes on the CPU if the provider has no
 * kernel for them, or if they compute shapes. It reports these only in its most verbose log, since the Node binding
 * lacks the interface for them: a child process opens the model again and its log is parsed, which takes as much time
 * and memory as opening the model.
 */
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { createRequire } from "node:module"
import { createInterface } from "node:readline"
import { OnnxError } from "./OnnxError.ts"
import type { Provider } from "./Provider.ts"

/** Nodes of a model's graph that run on the same provider. */
export interface Placement {
  /** onnxruntime's name of the provider: "CPUExecutionProvider". */
  readonly provider: string
  readonly count: number
  /**
   * The nodes by operator and name; empty if all nodes of the model run on one provider, since these are not listed.
   */
  readonly nodes: ReadonlyArray<{ readonly operator: string; readonly name: string }>
}

const HEADER = /VerifyEachNodeIsAssignedToAnEp\]\s+(?:All nodes|Node\(s\)) placed on \[(.+?)\]\. Number of nodes: (\d+)/
const NODE = /VerifyEachNodeIsAssignedToAnEp\]\s+(\S+) \((.*)\)\s*$/

/** Parses the placements of the main graph from the lines of a verbose log. */
export const parse = (lines: Iterable<string>): ReadonlyArray<Placement> => {
  const found: Array<{ provider: string; count: number; nodes: Array<Placement["nodes"][number]> }> = []
  for (const line of lines) {
    const header = HEADER.exec(line)
    const node = header === null ? NODE.exec(line) : null
    if (header !== null) found.push({ provider: header[1]!, count: Number(header[2]), nodes: [] })
    if (node !== null) found.at(-1)?.nodes.push({ operator: node[1]!, name: node[2]! })
  }
  return found
}

/** Formats a placement: the number of nodes, and their operators. */
export const inWords = ({ count, nodes }: Placement): string => {
  const operators = Object.entries(Object.groupBy(nodes, ({ operator }) => operator))
    .map(([operator, of]) => ({ operator, times: of!.length }))
    .toSorted((a, b) => b.times - a.times)
  const listed = operators.map(({ operator, times }) => (times === 1 ? operator : `${times} ${operator}`)).join(", ")
  return `${count} ${count === 1 ? "node" : "nodes"}${listed === "" ? "" : ` (${listed})`}`
}

/**
 * The script of the child process, which opens a model and kills itself, since onnxruntime may abort a process that
 * exits after it used WebGPU.
 */
const SCRIPT = `
const [library, provider, path] = process.argv.slice(1)
const { InferenceSession } = require(library)
const options = { executionProviders: [provider], logSeverityLevel: 0, intraOpNumThreads: 1, interOpNumThreads: 1 }
InferenceSession.create(path, options).then(
  () => process.kill(process.pid, "SIGKILL"),
  () => process.exit(1)
)`

/** Lists the placements of the nodes of a model file for a provider. */
export const of = Effect.fn("Placement.of")(function* (provider: Provider, path: string) {
  const library = createRequire(import.meta.url).resolve("onnxruntime-node")
  const lines = yield* Effect.callback<ReadonlyArray<string>>((resume) => {
    const child = spawn(process.execPath, ["--eval", SCRIPT, library, provider, path], {
      stdio: ["ignore", "ignore", "pipe"]
    })
    const kept: Array<string> = []
    createInterface({ input: child.stderr }).on("line", (line) => {
      if (line.includes("VerifyEachNodeIsAssignedToAnEp]")) kept.push(line)
    })
    child.on("error", () => resume(Effect.succeed([])))
    child.on("close", () => resume(Effect.succeed(kept)))
    return Effect.sync(() => child.kill("SIGKILL"))
  })
  const placements = parse(lines)
  if (placements.length > 0) return placements
  const problem = `onnxruntime does not say which of its nodes run on ${provider}, and which on the processor`
  return yield* new OnnxError({ model: path, problem })
})
