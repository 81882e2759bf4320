/** How commands name runs, and where they look for them. */
import { Schema } from "effect"
import { Argument, Flag } from "effect/cli"

/** A run: its folder, its id, or a beginning of the id. */
export const run = (name: string) =>
  Argument.String(name).pipe(Argument.withDescription("A run's folder, or its id or the beginning of its id in --out"))

/** Where the runs are. */
export const out = Flag.String("out").pipe(
  Flag.withSchema(Schema.NonEmptyString),
  Flag.withDescription("The folder of the runs and everything that they reuse"),
  Flag.withDefault("runs")
)

/** Whether other tools are to read it. */
export const json = Flag.Boolean("json").pipe(Flag.withDescription("Print JSON"), Flag.withDefault(false))
