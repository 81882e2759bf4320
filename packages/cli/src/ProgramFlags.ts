/** Derives the flags of an experiment program from the schema of its arguments. */
import { Args, type Experiment } from "@igm/experiment"
import { Name } from "@igm/tensor"
import { Effect, Option, type Schema } from "effect"
import { CliError, Flag } from "effect/cli"
import { ProgramError } from "./ProgramError.ts"

/** The command's own flags, which a program's arguments may not use. */
const OWN = new Set([
  "out",
  "check",
  "trace",
  "encoders",
  "heads",
  "device",
  "threads",
  "json",
  "verbose",
  "help",
  "version",
  "completions",
  "log-level",
  "wizard"
])

/** The placeholder for an argument's values in the help. */
const metavarOf = ({ kind, isList }: Args.Spec): string => `${kind.toUpperCase()}${isList ? ",…" : ""}`

/** A text in one line that is safe to print. */
export const inLine = (text: string): string => Name.visible(text.trim().replaceAll(/\s+/g, " "))

const descriptionOf = ({ description = "", choices, fallback, isRequired }: Args.Spec): string => {
  const value = !Array.isArray(fallback) ? String(fallback) : fallback.length === 0 ? "none" : fallback.join(",")
  const among = choices === null ? "" : `(choices: ${choices.join(", ")})`
  const more = isRequired ? "(required)" : fallback === undefined ? "" : `(default: ${value})`
  return inLine([description, among, more].filter((part) => part !== "").join(" "))
}

/** An optional flag whose value is JSON. */
type Value = Flag.Flag<Option.Option<Schema.Json>>

const flagOf = (args: Args.Struct, spec: Args.Spec): Value => {
  const description = descriptionOf(spec)
  if (spec.kind === "boolean" && !spec.isList) {
    return Flag.optional(Flag.Boolean(spec.flag).pipe(Flag.withDescription(description)))
  }
  return Flag.String(spec.flag).pipe(
    Flag.withMetavar(metavarOf(spec)),
    Flag.withDescription(description),
    Flag.mapEffect((text) => {
      const value = Args.parsed(spec, text)
      const expected = Args.fault(args, spec, value)
      if (expected === null) return Effect.succeed(value)
      return Effect.fail(new CliError.InvalidValue({ option: spec.flag, value: text, expected, kind: "flag" }))
    }),
    Flag.optional
  )
}

/**
 * Makes the flags by the names of the arguments. Fails if an argument has the name of one of the command's own flags.
 */
export const of = Effect.fn("ProgramFlags.of")(function* (path: string, { args, specs }: Experiment.Any) {
  const taken = specs.find(({ flag }) => OWN.has(flag.replace(/^no-/, "")))
  if (taken !== undefined) {
    const problem = `its argument ${taken.name} has the name of a flag of the command: give it another`
    return yield* new ProgramError({ path, problem })
  }
  return Object.fromEntries(specs.map((spec) => [spec.name, flagOf(args, spec)]))
})

/** The arguments that were given. */
export const givenIn = (flags: { readonly [name: string]: Option.Option<Schema.Json> }): Args.Given =>
  Object.fromEntries(
    Object.entries(flags).flatMap(([name, value]) => (Option.isSome(value) ? [[name, value.value] as const] : []))
  )

/** The flags of `igm run` with a value, and those without. */
const VALUED = new Set([
  "--out",
  "--trace",
  "--encoders",
  "--heads",
  "--device",
  "--threads",
  "--log-level",
  "--completions"
])

const ALONE = new Set(["--check", "--no-check", "--verbose", "-h", "--help"])

/** The facts about a command line of `igm run` that are needed before the program's flags are known. */
export interface Scanned {
  /** The program's file, if one is named. */
  readonly program: string | undefined
  readonly out: string | undefined
  /** `true` if the program is to be typechecked; `false` if only its help is requested. */
  readonly check: boolean
}

/** Scans a command line of `igm run`; `undefined` for other commands. */
export const scan = (line: ReadonlyArray<string>): Scanned | undefined => {
  const begin = line.findIndex((word) => !word.startsWith("-"))
  if (line[begin] !== "run") return undefined
  let [program, out]: ReadonlyArray<string | undefined> = []
  const words = line.slice(begin + 1)
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    const next = words[i + 1]
    if (word.startsWith("--out=")) out = word.slice("--out=".length)
    if (!word.startsWith("-")) program ??= word
    else if (VALUED.has(word)) {
      if (word === "--out") out = next
      i++
    } else if (word.includes("=") || ALONE.has(word)) continue
    // A flag of the program: what follows is its value, unless that is a module and none is named yet.
    else if (next !== undefined && (program !== undefined || !/\.[cm]?[jt]s$/.test(next))) i++
  }
  const isHelp = line.some((word) => ["-h", "--help", "--no-check", "--check=false"].includes(word))
  return { program, out, check: !isHelp }
}
