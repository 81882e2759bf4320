/** Progress of long work: a bar where a person watches a terminal, nothing in a pipe. */
import { Context, Effect, Layer, type Scope } from "effect"

/** Shows how far long work has come. */
export class Progress extends Context.Service<
  Progress,
  {
    /** Opens a bar that counts to `total` and is removed with the scope; the result advances it by n. */
    readonly bar: (
      label: string,
      total: number
    ) => Effect.Effect<(n: number) => Effect.Effect<void>, never, Scope.Scope>
  }
>()("@igm/io/Progress") {
  /** Shows nothing. */
  static readonly layerSilent = Layer.succeed(Progress, Progress.of({ bar: () => Effect.succeed(() => Effect.void) }))

  /** Draws on standard error when that is a terminal. */
  static readonly layer = Layer.suspend(() => (process.stderr.isTTY ? layerTerminal : Progress.layerSilent))
}

const WIDTH = 24

const layerTerminal = Layer.sync(Progress, () => {
  const open: Array<{ label: string; done: number; total: number }> = []
  let drawn = 0
  const draw = (force: boolean) => {
    const now = performance.now()
    if (!force && now - drawn < 80) return
    drawn = now
    const line = open.map(({ label, done, total }) => {
      const filled = total === 0 ? WIDTH : Math.round((Math.min(done, total) / total) * WIDTH)
      return `${label} ${"█".repeat(filled)}${"░".repeat(WIDTH - filled)} ${done}/${total}`
    })
    process.stderr.write(`\r\x1b[2K${line.join("  ").slice(0, process.stderr.columns || 80)}`)
  }
  return Progress.of({
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
})
