/** The other side of a benchmark: a process of a program in `tools/reference` that is asked in JSON lines. */
import { type Tensor, Safetensors } from "@igm/tensor"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

/** An answer of the process. */
export type Answer = { readonly [key: string]: unknown }

/** A running peer. */
export interface Peer {
  readonly info: Answer
  readonly ask: (request: Answer) => Promise<Answer>
  /** Hands it tensors and what is said of them. */
  readonly setUp: (tensors: { readonly [name: string]: Tensor.Tensor }, info: Answer) => Promise<Answer>
  readonly quit: () => void
}

/** The machine's thread settings for BLAS are for another library's sake: the peer gets none of them. */
const environment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("OPENBLAS_")))

const linesOf = (child: ChildProcess) => {
  const waiting: Array<PromiseWithResolvers<Answer>> = []
  createInterface({ input: child.stdout! }).on("line", (line) => waiting.shift()?.resolve(JSON.parse(line) as Answer))
  child.on("exit", (code) => {
    for (const { reject } of waiting) reject(new Error(`the peer ended with code ${code}`))
  })
  return () => {
    const next = Promise.withResolvers<Answer>()
    waiting.push(next)
    return next.promise
  }
}

/** Starts a peer: a program of `tools/reference`, with its arguments. */
export const start = async (python: string, program: string, args: ReadonlyArray<string>): Promise<Peer> => {
  const script = fileURLToPath(new URL(`../reference/${program}`, import.meta.url))
  const child = spawn(python, [script, ...args], { stdio: ["pipe", "pipe", "inherit"], env: environment() })
  const next = linesOf(child)
  child.on("error", (error) => {
    throw error
  })
  const info = await next()
  const folder = mkdtempSync(join(tmpdir(), "igm-bench-"))
  const ask = async (request: Answer): Promise<Answer> => {
    const answer = next()
    child.stdin.write(`${JSON.stringify(request)}\n`)
    const found = await answer
    if ("error" in found) throw new Error(`the peer cannot ${String(request["do"])}: ${String(found["error"])}`)
    return found
  }
  return {
    info,
    ask,
    setUp: (tensors, said) => {
      const file = join(folder, "case.safetensors")
      writeFileSync(file, Safetensors.encode(tensors, { case: JSON.stringify(said) }))
      return ask({ do: "setup", file })
    },
    quit: () => {
      child.stdin.write('{"do":"quit"}\n')
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
