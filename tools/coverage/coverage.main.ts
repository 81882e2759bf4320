/**
 * `npm run coverage [-- --tables N --only TEXT --threads N --json]`: simulates tables of six methods whose true accuracies
 * are known, and prints how often the report's intervals cover them. Exit code 1 where a bar is missed by more than the
 * Monte-Carlo error, which is two standard errors.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { availableParallelism } from "node:os"
import { designs, nameOf } from "./Design.ts"
import * as Tally from "./Tally.ts"
import * as Threads from "./Threads.ts"

const positive = (name: string, value: number, description: string) =>
  Flag.Int(name).pipe(
    Flag.withSchema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
    Flag.withDescription(description),
    Flag.withDefault(value)
  )

const cell = ({ percent, error, holds }: Tally.Share): string =>
  `${percent.toFixed(1)} ± ${error.toFixed(1)}${holds ? "" : " !"}`

const points = (x: number): string => x.toFixed(2)

const row = (cells: ReadonlyArray<string>): string => `| ${cells.join(" | ")} |`

const head = [
  [
    "design",
    "plain cover, %",
    "false claims, %",
    "false equivalence, %",
    "plain width",
    "simultaneous width",
    "level, %"
  ],
  ["---", "---", "---", "---", "---", "---", "---"]
].map(row)

const told = (one: Tally.Outcome): string =>
  row([
    nameOf(one.design),
    ...[one.plain, one.false, one.equivalent].map(cell),
    ...[one.plainWidth, one.width, 100 * one.level].map(points)
  ])

const coverage = Command.make(
  "coverage",
  {
    tables: positive("tables", 1000, "Tables of each design"),
    only: Flag.String("only").pipe(
      Flag.withDescription('Designs whose names hold all of these words: "3 seeds, clusters"'),
      Flag.withDefault("")
    ),
    threads: positive("threads", availableParallelism(), "Threads to simulate in"),
    json: Flag.Boolean("json").pipe(Flag.withDescription("A line of JSON for each design"), Flag.withDefault(false))
  },
  Effect.fn(function* ({ tables, only, threads, json }) {
    const words = only.split(",").map((word) => word.trim())
    const chosen = designs.filter((design) => words.every((word) => `${nameOf(design)},`.includes(word)))
    const print = (line: string) => process.stdout.write(`${line}\n`)
    if (!json) head.forEach(print)
    const outcomes = yield* Threads.run(chosen, { tables, threads }, (outcome) =>
      print(json ? JSON.stringify(outcome) : told(outcome))
    )
    const missed = outcomes.filter((one) => !Tally.holds(one))
    const names = missed.map(({ design }) => nameOf(design)).join("; ")
    if (!json) print(missed.length === 0 ? "\nEvery bar holds." : `\nBars are missed: ${names}.`)
    if (missed.length > 0) process.exitCode = 1
  })
).pipe(Command.withDescription("Simulate how often the intervals of reports cover"))

coverage.pipe(Command.run({ version: "0.1.0" }), Effect.provide(NodeServices.layer), NodeRuntime.runMain)
