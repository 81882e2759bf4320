/** One start of an experiment in a process of its own, which is killed after a while, kills itself, or is left to end. */
import { Effect, FileSystem, Schema } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import * as Failpoint from "./Failpoint.ts"

const script = fileURLToPath(new URL("./child.ts", import.meta.url))

/** The command to start: a program of `igm run`, and its flags. */
export interface Command {
  readonly program: string
  readonly flags: ReadonlyArray<string>
}

/** The folders of a lane: of its run, for temporary files, and the files in which a child process reports. */
export interface Place {
  readonly root: string
  readonly out: string
  readonly temporary: string
  readonly died: string
  readonly census: string
}

/** The place in a folder. */
export const placeIn = (root: string): Place => ({
  root,
  out: `${root}/runs`,
  temporary: `${root}/tmp`,
  died: `${root}/died.json`,
  census: `${root}/census.json`
})

/** The treatment of a start; `after` is in milliseconds. */
export type Fate =
  | { readonly kind: "spared" }
  | { readonly kind: "timed"; readonly after: number }
  | { readonly kind: "staged"; readonly moment: typeof Failpoint.Moment.Type }
  | { readonly kind: "failpoint"; readonly point: Failpoint.Failpoint }

/** The end of a start, and the milliseconds that it took. */
export interface End {
  readonly pid: number
  readonly took: number
  readonly killed: boolean
  /** The failpoint that it died at. */
  readonly died: Failpoint.Failpoint | undefined
  /** Its exit code; null if a signal ended it. */
  readonly code: number | null
  readonly said: string
}

const ended = (child: ChildProcess, fate: Fate) =>
  Effect.promise(async () => {
    const start = performance.now()
    const said = text(child.stderr!)
    const timer = fate.kind === "timed" ? setTimeout(() => child.kill("SIGKILL"), fate.after) : undefined
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
      child.once("error", reject)
      child.once("exit", (code, signal) => resolve([code, signal]))
    })
    clearTimeout(timer)
    return { took: performance.now() - start, killed: signal === "SIGKILL", code, said: await said }
  })

/** Starts a command in a place, and waits until its process has ended. */
export const start = Effect.fn("Start.start")(function* ({ program, flags }: Command, place: Place, fate: Fate) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.makeDirectory(place.temporary, { recursive: true })
  yield* fs.remove(place.died, { force: true })
  const { failpoint, died, moment, census } = Failpoint.variables
  const env = {
    ...process.env,
    TMPDIR: place.temporary,
    ...(fate.kind === "failpoint" ? { [failpoint]: JSON.stringify(fate.point), [died]: place.died } : {}),
    ...(fate.kind === "staged" ? { [moment]: JSON.stringify(fate.moment) } : {}),
    ...(fate.kind === "spared" ? { [census]: place.census } : {})
  }
  const args = ["--disable-warning=ExperimentalWarning", script, "run", program, "--out", place.out, ...flags]
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, args, { env, stdio: ["ignore", "ignore", "pipe"] })),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  const how = yield* ended(child, fate)
  const end: End = {
    ...how,
    pid: child.pid!,
    died: how.killed && (yield* fs.exists(place.died)) ? (fate as { point: Failpoint.Failpoint }).point : undefined
  }
  return end
}, Effect.scoped)

/** The operations on files of a start without a kill. */
export const censusOf = Effect.fn("Start.censusOf")(function* ({ census }: Place) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs.readFileString(census)
  return yield* Schema.decodeEffect(Schema.fromJsonString(Failpoint.Census))(text)
})
