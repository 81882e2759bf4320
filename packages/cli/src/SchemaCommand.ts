/**
 * `igm schema`: prints the JSON Schemas of the files of runs, which docs/runs.md describes, and of a program's
 * arguments.
 */
import { Args, RunSchemas, Runs } from "@igm/experiment"
import { ArtifactStore } from "@igm/io"
import { Console, Effect, Layer, Option } from "effect"
import { Argument, CliError, Command } from "effect/cli"
import * as ProgramFile from "./ProgramFile.ts"
import { TypeScript } from "./TypeScript.ts"

const isFile = (of: string): of is (typeof RunSchemas.names)[number] =>
  (RunSchemas.names as ReadonlyArray<string>).includes(of)

/** The schema of a file of runs, or of the arguments of a program's module. */
const schemaOf = Effect.fn("SchemaCommand.schemaOf")(function* (of: string) {
  if (isFile(of)) return RunSchemas.jsonSchema(of)
  if (!/\.[cm]?[jt]s$/.test(of)) {
    const expected = `${RunSchemas.names.join(", ")}, or a program's module`
    return yield* new CliError.InvalidValue({ option: "of", value: of, expected, kind: "argument" })
  }
  const { experiment } = yield* ProgramFile.load(of, { check: false }).pipe(
    Effect.provide(Layer.merge(ArtifactStore.layer(Runs.STORE), TypeScript.layer))
  )
  return Args.schemaOf(experiment)
})

/** The command. */
export const command = Command.make(
  "schema",
  {
    of: Argument.String("of").pipe(
      Argument.withDescription(
        `The file, or the file whose lines are described (${RunSchemas.names.join(", ")}), or a program, for its arguments; by default all of the files by name`
      ),
      Argument.optional
    )
  },
  Effect.fn("igm.schema")(function* ({ of }) {
    const all = () => Object.fromEntries(RunSchemas.names.map((name) => [name, RunSchemas.jsonSchema(name)]))
    const schema = Option.isSome(of) ? yield* schemaOf(of.value) : all()
    yield* Console.log(JSON.stringify(schema, null, 2))
  })
).pipe(Command.withDescription("Print the JSON Schemas of a run's files, or of a program's arguments"))
