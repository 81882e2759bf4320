/** Arguments and flags by which commands find runs. */
import { Schema } from "effect"
import { Argument, Flag } from "effect/cli"

/** The argument for a run: its folder, its id, or a prefix of the id. */
export const run = (name: string) =>
  Argument.String(name).pipe(Argument.withDescription("A run's folder, or its id or the beginning of its id in --out"))

/** The folder that contains the runs. */
export const out = Flag.String("out").pipe(
  Flag.withSchema(Schema.NonEmptyString),
  Flag.withDescription("The folder of the runs and everything that they reuse (default: runs)"),
  Flag.withDefault("runs")
)

/** Prints JSON, for other tools. */
export const json = Flag.Boolean("json").pipe(Flag.withDescription("Print JSON"), Flag.withDefault(false))
