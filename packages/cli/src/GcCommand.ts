/** `igm gc`: removes files that no run needs, and lists them. */
import { Gc, Runs } from "@igm/experiment"
import { Console, Effect, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as RunFlags from "./RunFlags.ts"
import * as Words from "./Words.ts"

const text = (items: ReadonlyArray<Gc.Item>, kept: ReadonlyArray<string>, dryRun: boolean): string => {
  const total = items.reduce((sum, { bytes }) => sum + bytes, 0)
  const verb = dryRun ? "would remove" : "removed"
  return [
    ...items.map(
      ({ what, path, bytes }) => `${verb} ${what === "run" ? "the run" : what} ${path} (${Words.bytes(bytes)})`
    ),
    items.length === 0 ? "nothing to remove" : `${verb} ${items.length} in all, ${Words.bytes(total)} (${total} bytes)`,
    ...(kept.length === 0
      ? []
      : ["artifacts that no run names are kept, since one of these may need them:", ...kept.map((why) => `  ${why}`)])
  ].join("\n")
}

/** The command. */
export const command = Command.make(
  "gc",
  {
    out: RunFlags.out,
    run: Flag.String("run").pipe(
      Flag.withDescription("Remove this run's folder, and nothing else: a folder, an id, or the beginning of one"),
      Flag.optional
    ),
    olderThan: Flag.Finite("older-than").pipe(
      Flag.withDescription("Remove artifacts only if they were made so many days ago"),
      Flag.withSchema(Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))),
      Flag.optional
    ),
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDescription("Only tell what would be removed"),
      Flag.withDefault(false)
    )
  },
  Effect.fn("igm.gc")(function* ({ out, run, olderThan, dryRun }) {
    if (Option.isSome(run)) {
      const item = yield* Gc.removeRun(yield* Runs.find(run.value, out), { dryRun })
      return yield* Console.log(text([item], [], dryRun))
    }
    const options = { olderThan: Option.getOrUndefined(olderThan) }
    const { items, kept } = yield* dryRun ? Gc.plan(out, options) : Gc.collect(out, options)
    yield* Console.log(text(items, kept, dryRun))
  })
).pipe(Command.withDescription("Remove artifacts, leftovers and checkpoints that no run needs"))
