/**
 * A run that nothing was done to, replayed many times: by processes with other numbers of threads, two at a time, half of
 * them while other processes keep every core busy. Each replay has to be equal bit by bit.
 */
import { Effect, Schema } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import type { Found } from "../../packages/cli/src/ReplayCommand.ts"
import * as Planted from "./Planted.ts"

const bin = fileURLToPath(new URL("../../packages/cli/src/bin.ts", import.meta.url))

const THREADS = [1, 2, 3, 4]

/** The result of the replays. */
export interface Verdict {
  readonly replays: number
  readonly identical: number
  /** Replays by their number of threads. */
  readonly threads: { readonly [threads: string]: number }
  readonly underLoad: number
  /** The counts of what each replay compared. */
  readonly artifacts: number
  readonly epochs: number
  readonly steps: number
}

const Json = Schema.fromJsonString(Schema.Unknown)

/** Keeps every core busy until the scope closes. */
const load = Effect.gen(function* () {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  for (let i = 0; i < availableParallelism(); i++) {
    yield* spawner.spawn(ChildProcess.make(process.execPath, ["-e", "for (;;) Math.random()"]))
  }
})

/** Replays a run so many times; `watch` is told how many are done. */
export const replays = Effect.fn("Unchanged.replays")(function* (
  count: number,
  watch: (done: number, identical: number) => Effect.Effect<void>
) {
  const { program, out, speech } = yield* Planted.prepare
  yield* Planted.node(bin, "run", program, "--speech", speech, "--out", out, "--trace", "step", "--no-check")
  const run = yield* Planted.runIn(out)
  let [done, identical, compared] = [0, 0, { artifacts: 0, epochs: 0, steps: 0 }]
  const threads: Record<string, number> = {}
  const replay = Effect.fnUntraced(function* (nth: number) {
    const own = String(THREADS[nth % THREADS.length])
    const said = yield* Planted.node(bin, "replay", run, "--json", "--threads", own)
    const found = (yield* Schema.decodeEffect(Json)(said)) as Found
    const { artifacts, epochs, steps } = found
    compared = { artifacts, epochs, steps }
    threads[own] = (threads[own] ?? 0) + 1
    done++
    if (found.equal && found.surroundings.every(({ path }) => path.at(-1) === "threads")) identical++
    yield* watch(done, identical)
  })
  const half = Math.ceil(count / 2)
  const some = (from: number, to: number) =>
    Effect.forEach(
      Array.from({ length: to - from }, (_, i) => from + i),
      replay,
      { concurrency: 2, discard: true }
    )
  yield* some(0, half)
  yield* Effect.scoped(Effect.andThen(load, some(half, count)))
  const verdict: Verdict = { replays: count, identical, threads, underLoad: count - half, ...compared }
  return verdict
}, Effect.scoped)

/** The verdict in words. */
export const text = ({ replays, identical, threads, underLoad, artifacts, epochs, steps }: Verdict): string =>
  [
    `${identical} of ${replays} replays identical, each of ${artifacts} artifacts, ${epochs} epochs and ${steps} steps.`,
    `By threads: ${Object.entries(threads)
      .map(([own, times]) => `${own}: ${times}`)
      .join(", ")}; two processes at a time; ${underLoad} of them with every core busy.`
  ].join("\n")
