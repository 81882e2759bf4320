/**
 * Many runs in one folder at the same time: processes of a few programs, on the same and on other data, with `igm gc` in a
 * loop beside them. All must end as if alone: with exit code 0, the words of an undisturbed run, and its bytes.
 */
import { Clock, Effect, FileSystem, Ref, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { fileURLToPath } from "node:url"
import * as InProcess from "./InProcess.ts"
import * as Program from "./program.ts"
import * as Remains from "./Remains.ts"
import * as Planted from "./Planted.ts"

/** The result of the rounds. */
export interface Verdict {
  readonly rounds: number
  readonly processes: number
  readonly collections: number
  readonly problems: ReadonlyArray<string>
  readonly seconds: number
}

const bin = fileURLToPath(new URL("../../packages/cli/src/bin.ts", import.meta.url))

/** The time between two collections. */
const PAUSE = "200 millis"

/** A program, and what it is given. */
export type Args = ReadonlyArray<string>

const textOf = <E>(bytes: Stream.Stream<Uint8Array, E>) => Stream.mkString(Stream.decodeText(bytes))

/** A process of the command; what it printed and its exit code. */
const igm = (...args: Args) =>
  Effect.gen(function* () {
    const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
    const command = ChildProcess.make(process.execPath, ["--disable-warning=ExperimentalWarning", bin, ...args])
    const handle = yield* spawner.spawn(command)
    const [printed, said, code] = yield* Effect.all([textOf(handle.stdout), textOf(handle.stderr), handle.exitCode], {
      concurrency: "unbounded"
    })
    return { printed, said, code }
  }).pipe(Effect.scoped)

/** The part of a run's output that does not depend on artifacts that other runs made before. */
const words = (printed: string, out: string): string =>
  printed
    .split("\n")
    .filter((line) => !line.startsWith("reused"))
    .join("\n")
    .replaceAll(out, "OUT")
    .trimEnd()

/** Three programs on the same recordings, two of which share all features; the third has other data. */
const programs = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const { encoder, speech } = yield* Planted.prepareIn(folder)
  const of = Effect.fnUntraced(function* (name: string, tau: string, seed: string) {
    const file = `${folder}/${name}.ts`
    yield* fs.writeFileString(file, Program.text({ encoder, tau }))
    return [file, "--speech", speech, "--seed", seed, "--no-check"]
  })
  return [yield* of("one", "0.4", "1"), yield* of("two", "0.6", "1"), yield* of("three", "0.4", "2")]
})

/** Runs so many processes at a time, so many times; `watch` is told after each round. */
export const run = Effect.fn("Together.run")(function* (
  options: {
    readonly processes: number
    readonly rounds: number
    /** Other programs than those three. */
    readonly programs?: ReadonlyArray<Args>
  },
  watch: (round: number, problems: number) => Effect.Effect<void> = () => Effect.void
) {
  const fs = yield* FileSystem.FileSystem
  const began = yield* Clock.currentTimeMillis
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "igm-together-" })
  const all = options.programs ?? (yield* programs(folder))
  const alone = `${folder}/alone`
  const expected = yield* Effect.forEach(all, (args) => InProcess.igm("run", ...args, "--out", alone))
  const problems = expected.flatMap(({ error }) => (error === undefined ? [] : [`alone: ${error}`]))
  const remains = yield* Remains.of(alone)
  const collections = yield* Ref.make(0)

  for (let round = 0; round < options.rounds && problems.length === 0; round++) {
    const out = `${folder}/runs-${round}`
    yield* fs.makeDirectory(out)
    const collect = InProcess.igm("gc", "--out", out).pipe(
      Effect.tap(({ error }) =>
        Effect.sync(() => {
          if (error !== undefined) problems.push(`round ${round}: gc: ${error}`)
        })
      ),
      Effect.andThen(Ref.update(collections, (n) => n + 1)),
      Effect.andThen(Effect.sleep(PAUSE)),
      Effect.forever
    )
    const ended = Effect.forEach(
      Array.from({ length: options.processes }, (_, n) => n % all.length),
      (which) => Effect.map(igm("run", ...all[which]!, "--out", out), (end) => ({ ...end, which })),
      { concurrency: "unbounded" }
    )
    const ends = yield* Effect.raceFirst(ended, collect)
    for (const { code, printed, said, which } of ends) {
      if (code !== 0) problems.push(`round ${round}: program ${which}: exit code ${code}: ${said.trim()}`)
      else if (words(printed, out) !== words(expected[which]!.text, alone)) {
        problems.push(`round ${round}: program ${which} prints something else than alone`)
      }
    }
    const left = Remains.differences(yield* Remains.of(out), remains)
    problems.push(...left.map((text) => `round ${round}: ${text}`))
    yield* watch(round + 1, problems.length)
    if (left.length === 0) yield* fs.remove(out, { recursive: true })
  }
  const seconds = ((yield* Clock.currentTimeMillis) - began) / 1000
  const { rounds, processes } = options
  const verdict: Verdict = { rounds, processes, collections: yield* Ref.get(collections), problems, seconds }
  return verdict
}, Effect.scoped)

/** The verdict in words. */
export const text = ({ rounds, processes, collections, problems, seconds }: Verdict): string =>
  problems.length === 0
    ? `${rounds} rounds of ${processes} processes of three programs in one folder, with ${collections} collections beside them, in ${seconds.toFixed(0)} s: all ended as if alone.`
    : [`${problems.length} problems:`, ...problems].join("\n  ")
