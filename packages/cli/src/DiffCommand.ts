/** `igm diff`: shows the differences of two runs in settings, inputs, artifacts and results. */
import { RunDiff, JsonDifference, Runs } from "@igm/experiment"
import { Terminal } from "@igm/report"
import { Digest } from "@igm/tensor"
import { Console, Effect, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as RunFlags from "./RunFlags.ts"

/** The error with which `igm diff --exit-code` ends if the runs differ. */
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
  rows.length === 0 ? [] : ["", title, "", ...Terminal.aligned([header, ...rows])]

const same = (is: boolean | null) => (is === null ? "not known" : is ? "the same" : "differs")

/** The maximal number of paths that are printed for an artifact; the rest is counted. */
const PATHS = 4

/** The maximal number of paths of the reports' data that are printed; the rest is counted. */
const PLACES = 8

/** The differing paths of an artifact; elements of one list are grouped, with their number. */
const pathsOf = ({ in: where, differences }: RunDiff.ArtifactDifference): string => {
  if (where !== "both") return `only in ${where}`
  const paths = Map.groupBy(differences, ({ path }) => JsonDifference.pathText(path).replaceAll(/\[\d+\]/g, "[…]"))
  const told = [...paths].map(([path, { length }]) => (length === 1 ? path : `${path} (${length})`))
  return [...told.slice(0, PATHS), ...(told.length > PATHS ? [`and ${told.length - PATHS} more`] : [])].join(", ")
}

const number = (x: number | null) => (x === null ? "none" : x.toFixed(4))

const text = (names: readonly [string, string], compared: RunDiff.RunDiff): string => {
  const sides = ["a", "b"]
  const { settings, inputs, environment, artifacts, report, results, predictions } = compared
  return [
    `a   ${names[0]}`,
    `b   ${names[1]}`,
    ...(RunDiff.isSame(compared) ? ["", "No difference."] : []),
    ...section("Settings", ["", ...sides], rowsOf(settings)),
    ...section("Inputs", ["", ...sides], rowsOf(inputs)),
    ...section("Environment", ["", ...sides], rowsOf(environment)),
    ...section(
      "Artifacts",
      ["stage", "name", "key", "content", "where the key differs"],
      artifacts.map((one) => [one.stage, one.name, same(one.sameKey), same(one.sameContent), pathsOf(one)])
    ),
    ...section("Data of the report", ["", ...sides], rowsOf(report.slice(0, PLACES))),
    ...(report.length > PLACES ? [`… and ${report.length - PLACES} more`] : []),
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
    const compared = RunDiff.of(yield* RunDiff.side(one!), yield* RunDiff.side(other!))
    const names = [one!.folder, other!.folder] as const
    yield* Console.log(json ? JSON.stringify(compared, null, 2) : text(names, compared))
    if (exitCode && !RunDiff.isSame(compared)) return yield* new RunsDiffer({ a: names[0], b: names[1] })
  })
).pipe(Command.withDescription("Show where two runs differ: settings, inputs, environment, artifacts, results"))
