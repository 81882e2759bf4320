/** `igm diff`: where two runs differ, in what was asked for, read, made and found. */
import { Compared, JsonDifference, Runs } from "@igm/experiment"
import { Table } from "@igm/report"
import { Digest } from "@igm/tensor"
import { Console, Effect, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as RunFlags from "./RunFlags.ts"

/** The end of `igm diff --exit-code` on runs that differ. */
class RunsDiffer extends Schema.TaggedError<RunsDiffer>()("RunsDiffer", { a: Schema.String, b: Schema.String }) {
  override get message(): string {
    return `${this.a} and ${this.b} differ`
  }
}

const LONGEST = 60

const short = (value: unknown): string => {
  if (typeof value === "string" && /^[0-9a-f]{64}$/.test(value)) return Digest.short(value)
  const text = value === undefined ? "nothing" : JSON.stringify(value)
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`
}

const rowsOf = (differences: ReadonlyArray<JsonDifference.Difference>) =>
  differences.map(({ path, a, b }) => [JsonDifference.pathText(path), short(a), short(b)])

const section = (title: string, header: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>) =>
  rows.length === 0 ? [] : ["", title, "", ...Table.aligned([header, ...rows])]

const same = (is: boolean | null) => (is === null ? "not known" : is ? "the same" : "differs")

/** Key paths of one artifact that are written out; the rest is counted. */
const PATHS = 4

/** Places in a list are told together, with their number. */
const pathsOf = ({ in: where, differences }: Compared.ArtifactDifference): string => {
  if (where !== "both") return `only in ${where}`
  const paths = Map.groupBy(differences, ({ path }) => JsonDifference.pathText(path).replaceAll(/\[\d+\]/g, "[…]"))
  const told = [...paths].map(([path, { length }]) => (length === 1 ? path : `${path} (${length})`))
  return [...told.slice(0, PATHS), ...(told.length > PATHS ? [`and ${told.length - PATHS} more`] : [])].join(", ")
}

const number = (x: number | null) => (x === null ? "none" : x.toFixed(4))

const text = (names: readonly [string, string], compared: Compared.Compared): string => {
  const sides = ["a", "b"]
  const { settings, inputs, environment, artifacts, results, predictions } = compared
  return [
    `a   ${names[0]}`,
    `b   ${names[1]}`,
    ...(Compared.isSame(compared) ? ["", "No difference."] : []),
    ...section("Settings", ["", ...sides], rowsOf(settings)),
    ...section("Inputs", ["", ...sides], rowsOf(inputs)),
    ...section("Environment", ["", ...sides], rowsOf(environment)),
    ...section(
      "Artifacts",
      ["stage", "name", "key", "content", "where the key differs"],
      artifacts.map((one) => [one.stage, one.name, same(one.sameKey), same(one.sameContent), pathsOf(one)])
    ),
    ...section(
      "Results",
      ["method", "seed", "metric", ...sides, "b − a"],
      results.map(({ method, seed, metric, a, b, difference }) => [
        method,
        String(seed),
        metric,
        number(a),
        number(b),
        difference === null ? "" : number(difference)
      ])
    ),
    ...section(
      "Predicted classes of the test samples",
      ["method", "seed", "differ"],
      predictions.map(({ method, seed, samples, differ }) => [
        method,
        String(seed),
        differ === null ? "not comparable: other samples" : `${differ} of ${samples}`
      ])
    )
  ].join("\n")
}

/** The command. */
export const command = Command.make(
  "diff",
  {
    a: RunFlags.run("a"),
    b: RunFlags.run("b"),
    out: RunFlags.out,
    json: RunFlags.json,
    exitCode: Flag.Boolean("exit-code").pipe(
      Flag.withDescription("End with exit code 1 if the runs differ"),
      Flag.withDefault(false)
    )
  },
  Effect.fn("igm.diff")(function* ({ a, b, out, json, exitCode }) {
    const [one, other] = yield* Effect.forEach([a, b], (name) => Effect.flatMap(Runs.find(name, out), Runs.look))
    const compared = Compared.of(yield* Compared.side(one!), yield* Compared.side(other!))
    const names = [one!.folder, other!.folder] as const
    yield* Console.log(json ? JSON.stringify(compared, null, 2) : text(names, compared))
    if (exitCode && !Compared.isSame(compared)) return yield* new RunsDiffer({ a: names[0], b: names[1] })
  })
).pipe(Command.withDescription("Show where two runs differ: settings, inputs, environment, artifacts, results"))
