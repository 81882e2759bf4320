/**
 * Trials of what a run promises. `npm run chaos -- --replay`: changes planted in a run or in its replay, and what
 * `igm replay` says of them. `npm run chaos -- --replays N`: N replays of an unchanged run. `npm run chaos -- --flips N`: bytes of a finished run that are made others, and what every
 * command makes of it. `npm run chaos -- --together N`: N processes in one folder, with collections beside them. And `npm run chaos [-- --kills N --seed N --lanes N --program FILE --json -- FLAGS]`: kills an experiment N times, starts it again each
 * time, and compares what it comes to with an undisturbed run, byte for byte. Exit code 1 where they differ, or where too
 * few kills hit a stage or a write.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { MediaDecoder } from "@igm/media"
import { Console, Effect, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { fileURLToPath } from "node:url"
import * as Chaos from "./Chaos.ts"
import * as Flips from "./Flips.ts"
import * as Planted from "./Planted.ts"
import * as Together from "./Together.ts"
import * as Unchanged from "./Unchanged.ts"

const defaultProgram = fileURLToPath(new URL("../../examples/av-digits/experiment.ts", import.meta.url))

const flipped = fileURLToPath(new URL("../../packages/cli/test/small.experiment.ts", import.meta.url))

const Positive = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))

const positive = (name: string, value: number, description: string) =>
  Flag.Int(name).pipe(Flag.withSchema(Positive), Flag.withDescription(description), Flag.withDefault(value))

/** The share of all kills that must hit the inside of a write. */
const IN_WRITES = 0.1

const listed = (counts: { readonly [name: string]: number }): string =>
  Object.entries(counts)
    .toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([name, times]) => `${name} ${times}`)
    .join(", ")

const counted = (t: Chaos.Tally): ReadonlyArray<string> => [
  `${t.kills} kills (${t.timed} after a time, ${t.inWrites} inside of a write, ${t.beside} as something was opened, made or removed), ${t.rounds} rounds`,
  `by stage: ${listed(t.stages)}`,
  `by what was written: ${listed(t.writes)}`,
  `went on from a checkpoint: ${listed(t.resumed) || "none"}`
]

const told = (v: Chaos.Verdict): string =>
  [
    ...counted(v),
    `${v.restarts} restarts; undisturbed: ${v.undisturbed.map((seconds) => `${seconds.toFixed(1)} s`).join(", ")}`,
    ...Object.entries(v.aimed).map(
      ([at, { tries, hits }]) => `aimed at ${at}, which too few kills had hit: ${tries} starts, ${hits} hits`
    ),
    v.lacking.length === 0
      ? `All ${v.rounds} rounds ended in the bytes of the undisturbed run (${v.files} files), with nothing left half written.`
      : `All rounds ended in the same bytes, but too few kills hit ${v.lacking.join(", ")}.`
  ].join("\n")

/** A line that is drawn over itself in a terminal, and nothing in a pipe. */
const line = (text: string) =>
  Effect.sync(() => {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text.slice(0, process.stderr.columns || 80)}`)
  })

const progress = ({ rounds, kills, starts, stages }: Chaos.Tally) =>
  line(`round ${rounds}, ${starts} starts, ${kills} kills: ${listed(stages)}`)

const planted = Effect.fnUntraced(function* (json: boolean) {
  const outcomes = yield* Effect.forEach(Planted.plants, (plant, i) =>
    Effect.andThen(line(`${i + 1} of ${Planted.plants.length}: ${plant.change}`), Planted.attempt(plant))
  )
  yield* line("")
  yield* Console.log(json ? JSON.stringify(outcomes) : Planted.text(outcomes))
  if (outcomes.some(({ right }) => !right)) process.exitCode = 1
})

const unchanged = Effect.fnUntraced(function* (count: number, json: boolean) {
  const verdict = yield* Unchanged.replays(count, (done, identical) => line(`${done} replays, ${identical} identical`))
  yield* line("")
  yield* Console.log(json ? JSON.stringify(verdict) : Unchanged.text(verdict))
  if (verdict.identical < verdict.replays) process.exitCode = 1
})

const flips = Effect.fnUntraced(function* (count: number, seed: number, json: boolean) {
  const outcomes = yield* Flips.run({ program: flipped, speech: true, flips: count, seed }, (outcomes) =>
    line(`${outcomes.length} of ${count} flips, ${outcomes.filter(({ wrong }) => wrong.length > 0).length} wrong`)
  )
  yield* line("")
  yield* Console.log(json ? JSON.stringify(outcomes) : Flips.text(outcomes))
  if (outcomes.some(({ wrong }) => wrong.length > 0)) process.exitCode = 1
})

const together = Effect.fnUntraced(function* (processes: number, rounds: number, json: boolean) {
  const verdict = yield* Together.run({ processes, rounds }, (round, problems) =>
    line(`${round} of ${rounds} rounds, ${problems} problems`)
  )
  yield* line("")
  yield* Console.log(json ? JSON.stringify(verdict) : Together.text(verdict))
  if (verdict.problems.length > 0) process.exitCode = 1
})

const chaos = Command.make(
  "chaos",
  {
    kills: positive("kills", 200, "How many kills"),
    seed: Flag.Int("seed").pipe(Flag.withDescription("The seed of the delays"), Flag.withDefault(1)),
    lanes: positive("lanes", 1, "How many rounds run side by side"),
    program: Flag.String("program").pipe(
      Flag.withDescription("The experiment's module"),
      Flag.withDefault(defaultProgram)
    ),
    stage: Flag.Int("per-stage").pipe(
      Flag.withDescription(
        "The least number of kills in each stage; by default its share of half of them, and 10 at most"
      ),
      Flag.optional
    ),
    resuming: Flag.String("resuming").pipe(
      Flag.withDescription("Stages, with commas between them, that must have gone on from a checkpoint"),
      Flag.withDefault("")
    ),
    flags: Argument.String("flags").pipe(
      Argument.withDescription("What follows --: flags of igm run and of the program"),
      Argument.variadic()
    ),
    replay: Flag.Boolean("replay").pipe(
      Flag.withDescription("Plant changes in runs and replays, and see whether igm replay finds them"),
      Flag.withDefault(false)
    ),
    replays: Flag.Int("replays").pipe(
      Flag.withSchema(Positive),
      Flag.withDescription("Replay an unchanged run so many times"),
      Flag.optional
    ),
    flips: Flag.Int("flips").pipe(
      Flag.withSchema(Positive),
      Flag.withDescription("Make so many bytes of a finished run others, one at a time"),
      Flag.optional
    ),
    together: Flag.Int("together").pipe(
      Flag.withSchema(Positive),
      Flag.withDescription("Run so many processes in one folder at the same time"),
      Flag.optional
    ),
    rounds: positive("rounds", 20, "How many rounds of --together"),
    json: Flag.Boolean("json").pipe(Flag.withDefault(false))
  },
  Effect.fn(function* (said) {
    const { kills, seed, lanes, program, stage, replay, replays, json } = said
    if (Option.isSome(said.flips)) return yield* flips(said.flips.value, seed, json)
    if (Option.isSome(said.together)) return yield* together(said.together.value, said.rounds, json)
    if (replay) return yield* planted(json)
    if (Option.isSome(replays)) return yield* unchanged(replays.value, json)
    if (!json) yield* Console.log(`${program}, seed ${seed}, ${lanes === 1 ? "one lane" : `${lanes} lanes`}`)
    const inWrites = Math.ceil(IN_WRITES * kills)
    const resuming = said.resuming.split(",").filter((name) => name !== "")
    const options = {
      program,
      flags: said.flags,
      kills,
      seed,
      lanes,
      inWrites,
      perStage: Option.getOrUndefined(stage),
      resuming
    }
    let last: Chaos.Tally | undefined
    const verdict = yield* Chaos.run(options, (tally) =>
      Effect.andThen(
        progress(tally),
        Effect.sync(() => (last = tally))
      )
    ).pipe(
      Effect.onInterrupt(() =>
        last === undefined || json
          ? Effect.void
          : Console.log(
              [
                ...counted(last),
                `Stopped before ${kills} kills. All rounds so far ended in the bytes of the undisturbed run.`
              ].join("\n")
            )
      ),
      Effect.tap(() => (process.stderr.isTTY ? Effect.sync(() => process.stderr.write("\n")) : Effect.void)),
      Effect.catchTag("ChaosError", (error) =>
        Console.log(json ? JSON.stringify({ seed, problem: error.message }) : error.message)
      )
    )
    if (verdict === undefined || verdict.lacking.length > 0) process.exitCode = 1
    if (verdict !== undefined) yield* Console.log(json ? JSON.stringify({ seed, ...verdict }) : told(verdict))
  })
).pipe(Command.withDescription("Kill an experiment again and again"))

chaos.pipe(
  Command.run({ version: "0.1.0" }),
  Effect.provide([NodeServices.layer, MediaDecoder.layer]),
  NodeRuntime.runMain
)
