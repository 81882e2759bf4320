/** `igm schema`: the JSON Schemas of the files that runs leave behind; docs/runs.md describes the files. */
import { RunSchemas } from "@igm/experiment"
import { Console, Effect, Option } from "effect"
import { Argument, Command } from "effect/cli"

/** The command. */
export const command = Command.make(
  "schema",
  {
    of: Argument.Literals("of", RunSchemas.names).pipe(
      Argument.withDescription("The file, or the file whose lines are described; by default all of them by name"),
      Argument.optional
    )
  },
  Effect.fn("igm.schema")(function* ({ of }) {
    const schema = Option.match(of, {
      onNone: () => Object.fromEntries(RunSchemas.names.map((name) => [name, RunSchemas.jsonSchema(name)])),
      onSome: RunSchemas.jsonSchema
    })
    yield* Console.log(JSON.stringify(schema, null, 2))
  })
).pipe(Command.withDescription("Print the JSON Schemas of a run's files"))
