/** Progress of long work: bars on a terminal, and in a pipe or a file a log of what is finished. */
import { Context, Effect, Layer, type Scope } from "effect"
import * as ProgressLog from "./ProgressLog.ts"

/** A finished part of work. */
export interface Part {
  /** The kind of the part, such as the stage; parts that follow each other fast are counted by it. */
  readonly kind: string
  readonly name: string
  readonly milliseconds: number
}

/** The parts where bars tell how far the work is, or nothing does. */
const unshown: Progress["Service"]["parts"] = Effect.succeed(() => Effect.void)

/** The service that shows progress. */
export class Progress extends Context.Service<
  Progress,
  {
    /** Opens a bar that counts to `total` and is removed with the scope; the result advances it by n. */
    readonly bar: (
      label: string,
      total: number
    ) => Effect.Effect<(n: number) => Effect.Effect<void>, never, Scope.Scope>
    /** Opens a log of finished parts, which ends with the scope; the result adds a part. */
    readonly parts: Effect.Effect<(part: Part) => Effect.Effect<void>, never, Scope.Scope>
  }
>()("@igm/io/Progress") {
  /** Shows nothing. */
  static readonly layerSilent = Layer.succeed(
    Progress,
    Progress.of({ bar: () => Effect.succeed(() => Effect.void), parts: unshown })
  )

  /** Draws on a screen. */
  static readonly layerOn = (screen: Screen) => Layer.sync(Progress, () => drawnOn(screen))

  /** Prints plain lines on the console's standard error, seldom enough for a log. */
  static readonly layerLog = Layer.effect(Progress, ProgressLog.make)

  /** Draws on standard error when that is a terminal that can go back to the beginning of a line; else it logs there. */
  static readonly layer = Layer.suspend(() => {
    const { stderr, env } = process
    if (!stderr.isTTY || env["TERM"] === "dumb") return Progress.layerLog
    return Progress.layerOn({ columns: () => stderr.columns || 80, write: (text) => void stderr.write(text) })
  })
}

/** A terminal. The texts that are written to it contain no escape codes. */
export interface Screen {
  /** The current width in columns. */
  readonly columns: () => number
  readonly write: (text: string) => void
}

/** The state of one bar. */
interface Bar {
  readonly label: string
  readonly total: number
  done: number
}

/** The largest and the smallest width of a bar in columns; below the smallest, none is drawn. */
const [LONGEST, SHORTEST] = [24, 4]

/** Formats the bars to a line of the given width: bars are shortened, then left out, then the line is cut. */
const lineOf = (bars: ReadonlyArray<Bar>, columns: number): string => {
  const texts = bars.map(({ label, done, total }) => [label, `${Math.round(done)}/${total}`] as const)
  const used = texts.reduce((sum, [label, count]) => sum + label.length + count.length + 4, -2)
  const room = Math.min(LONGEST, Math.floor((columns - used) / bars.length))
  const line = texts.map(([label, count], i) => {
    if (room < SHORTEST) return `${label} ${count}`
    const { done, total } = bars[i]!
    const filled = total === 0 ? room : Math.round((Math.min(done, total) / total) * room)
    return `${label} ${"█".repeat(filled)}${"░".repeat(room - filled)} ${count}`
  })
  return line.join("  ").slice(0, columns)
}

const drawnOn = (screen: Screen): Progress["Service"] => {
  const open: Array<Bar> = []
  let [drawn, length] = [0, 0]
  const draw = (force: boolean) => {
    const now = performance.now()
    if (!force && now - drawn < 80) return
    drawn = now
    // A terminal may go on in the next line when something stands in its last column.
    const columns = Math.max(1, screen.columns() - 1)
    const line = lineOf(open, columns)
    screen.write(`\r${line.padEnd(Math.min(length, columns))}${line === "" ? "\r" : ""}`)
    length = line.length
  }
  return Progress.of({
    parts: unshown,
    bar: (label, total) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const bar = { label, done: 0, total }
          open.push(bar)
          draw(true)
          return bar
        }),
        (bar) =>
          Effect.sync(() => {
            open.splice(open.indexOf(bar), 1)
            draw(true)
          })
      ).pipe(
        Effect.map(
          (bar) => (n: number) =>
            Effect.sync(() => {
              bar.done += n
              draw(false)
            })
        )
      )
  })
}
