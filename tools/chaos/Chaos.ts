/**
 * An experiment killed again and again: each round begins in a fresh folder and starts the same command until it comes to
 * its end, and what it leaves must be what an undisturbed run left, byte for byte. Kills come after a time, or inside of a
 * write. All draws are keyed by the seed, the lane, the round and the start.
 */
import { Keyed } from "@igm/tensor"
import { Effect, FileSystem, Schema } from "effect"
import * as Failpoint from "./Failpoint.ts"
import * as Remains from "./Remains.ts"
import * as Start from "./Start.ts"
import * as RunHistory from "./RunHistory.ts"

/** Options of a chaos run. */
export interface Options extends Start.Command {
  readonly seed: number
  /** Rounds that run side by side. */
  readonly lanes: number
  readonly kills: number
  /** The least number of kills inside of writes, and in each stage: by default its share of half of the kills, 10 at most. */
  readonly inWrites: number
  readonly perStage?: number | undefined
  /** Stages that must have gone on from a checkpoint, once at least. */
  readonly resuming?: ReadonlyArray<string>
}

/** The counts so far. */
export interface Tally {
  rounds: number
  starts: number
  kills: number
  timed: number
  inWrites: number
  /** Kills as a file or folder was opened, made or removed. */
  beside: number
  /** Kills by the stage that they hit; those at a failpoint by what was written. */
  readonly stages: Record<string, number>
  readonly writes: Record<string, number>
  /** The times that work went on from a checkpoint, by stage. */
  readonly resumed: Record<string, number>
  /** Starts that were aimed at a stage or at a write because too few kills had hit it, and how many of them hit it. */
  readonly aimed: Record<string, { tries: number; hits: number }>
}

/** The result of a chaos run. */
export interface Verdict extends Tally {
  readonly restarts: number
  /** Seconds of the undisturbed run in each lane, beside the others. */
  readonly undisturbed: ReadonlyArray<number>
  readonly files: number
  /** Stages and writes that too few kills hit, and stages that did not go on from a checkpoint. */
  readonly lacking: ReadonlyArray<string>
}

/** A round that did not end as it must; its folder is kept. */
class ChaosError extends Schema.TaggedError<ChaosError>()("ChaosError", {
  folder: Schema.String,
  problems: Schema.Array(Schema.String)
}) {
  override get message(): string {
    const { folder, problems } = this
    const more = problems.length > SHOWN ? [`and ${problems.length - SHOWN} more`] : []
    return [`${folder} is kept:`, ...problems.slice(0, SHOWN), ...more].join("\n  ")
  }
}

/** Problems that are printed. */
const SHOWN = 20
/** Delays are drawn up to so many times the undisturbed time. */
const BEYOND = 1.2
/** One of so many starts gets a failpoint instead of a delay, and another a delay since it began a stage. */
const FAILPOINT_EVERY = 3
/** The most kills that must hit each stage, unless more are asked for. */
const PER_STAGE = 10
/** Aimed starts for each kill that is lacking, before it is given up. */
const TRIES = 10

/** An undisturbed run. */
interface Reference {
  readonly took: number
  readonly remains: Remains.Remains
  readonly artifacts: number
  /** The time that each artifact of a stage took, in milliseconds. */
  readonly durations: ReadonlyMap<string, ReadonlyArray<number>>
  readonly census: Failpoint.Census
}

type Aim = { readonly at: "anything" } | { readonly at: "stage"; readonly stage: string } | { readonly at: "write" }

const count = (counts: Record<string, number>, key: string, times = 1) => {
  counts[key] = (counts[key] ?? 0) + times
}

/** Fails, and keeps the folder, if there are problems. */
const demand = (place: Start.Place, problems: ReadonlyArray<string>) =>
  problems.length === 0 ? Effect.void : Effect.fail(new ChaosError({ folder: place.root, problems }))

/** A fresh folder, which is removed unless a `ChaosError` tells of it. */
const inFresh = <A, E, R>(body: (place: Start.Place) => Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    FileSystem.FileSystem.use((fs) => fs.makeTempDirectory({ prefix: "chaos-" })),
    (root) => body(Start.placeIn(root)),
    (root, exit) =>
      exit._tag === "Failure" && exit.cause.reasons.some(({ _tag }) => _tag !== "Interrupt")
        ? Effect.void
        : FileSystem.FileSystem.use((fs) => Effect.ignore(fs.remove(root, { recursive: true })))
  )

const refused = ({ code, said }: Start.End) =>
  code === 0 ? [] : [`a start that was not killed ended with code ${code}: ${said.trim()}`]

/** Runs the experiment undisturbed. */
const undisturbed = (command: Start.Command) =>
  inFresh((place) =>
    Effect.gen(function* () {
      const end = yield* Start.start(command, place, { kind: "spared" })
      yield* demand(place, refused(end))
      const { records } = yield* RunHistory.read(place.out)
      const remains = yield* Remains.of(place.out)
      yield* demand(place, yield* Remains.faults(place.out, remains))
      const reference: Reference = {
        took: end.took,
        remains,
        artifacts: RunHistory.artifacts(records),
        durations: RunHistory.durations(records),
        census: yield* Start.censusOf(place)
      }
      return reference
    })
  )

/** One of the undisturbed run's operations: every kind of file is as likely, and of one kind every operation. */
const failpoint = (stream: Keyed.Stream, census: Failpoint.Census): Failpoint.Failpoint => {
  const kinds = [...new Set(census.map(({ what }) => what))].toSorted()
  const kind = kinds[Keyed.below(stream, kinds.length)]!
  const on = census.filter(({ what }) => what === kind)
  let nth = Keyed.below(
    stream,
    on.reduce((sum, { times }) => sum + times, 0)
  )
  const found = on.find(({ times }) => {
    if (nth < times) return true
    nth -= times
    return false
  })!
  const { operation, what } = found
  return { operation, what, nth: nth + 1, when: operation === "write" ? "half" : sideOf(stream) }
}

const sideOf = (stream: Keyed.Stream) => (Keyed.below(stream, 2) === 0 ? "before" : "after")

/**
 * Chooses the kill of a start without an aim; after an incomplete line of the journal, often one while that line is cut
 * off.
 */
const fateOf = (stream: Keyed.Stream, reference: Reference, nth: number, torn: number): Start.Fate => {
  const { took, census, durations } = reference
  if (torn > 0 && Keyed.below(stream, 2) === 0) {
    return {
      kind: "failpoint",
      point: { operation: "truncate", what: "journal line", nth: 1, when: sideOf(stream) }
    }
  }
  if (nth % FAILPOINT_EVERY === 0) return { kind: "failpoint", point: failpoint(stream, census) }
  if (nth % FAILPOINT_EVERY === 1) return { kind: "timed", after: Keyed.between(stream, 0, BEYOND * took) }
  return inStage(stream, reference, [...durations.keys()][Keyed.below(stream, durations.size)]!)
}

/** A kill while a stage makes one of its artifacts. */
const inStage = (stream: Keyed.Stream, { durations }: Reference, stage: string): Start.Fate => {
  const took = durations.get(stage)!
  const at = Keyed.below(stream, took.length)
  return { kind: "staged", moment: { stage, nth: at + 1, after: Keyed.between(stream, 0, took[at]!) } }
}

/** Chooses the kill of the first start of a round with an aim. */
const aimedFate = (stream: Keyed.Stream, reference: Reference, aim: Exclude<Aim, { at: "anything" }>): Start.Fate => {
  if (aim.at === "stage") return inStage(stream, reference, aim.stage)
  const writes = reference.census.filter(({ operation }) => Failpoint.isWrite(operation))
  return { kind: "failpoint", point: failpoint(stream, writes) }
}

const nameOf = (aim: Exclude<Aim, { at: "anything" }>) => (aim.at === "write" ? "inside of a write" : aim.stage)

/** Kills as many starts as are asked for; `watch` is told after each round. */
export const run = Effect.fn("Chaos.run")(function* (
  options: Options,
  watch: (tally: Tally) => Effect.Effect<void> = () => Effect.void
) {
  const { seed, lanes, kills, resuming = [] } = options
  const all = Array.from({ length: lanes }, (_, lane) => lane)
  const references = yield* Effect.forEach(all, () => undisturbed(options), { concurrency: lanes })
  const { remains } = references[0]!
  const stages = [...references[0]!.durations.keys()]
  const { perStage = Math.min(PER_STAGE, Math.ceil(kills / (2 * stages.length))) } = options
  const tally: Tally = {
    rounds: 0,
    starts: 0,
    kills: 0,
    timed: 0,
    inWrites: 0,
    beside: 0,
    stages: {},
    writes: {},
    resumed: {},
    aimed: {}
  }
  for (const stage of stages) tally.stages[stage] = 0

  const lacks = (): ReadonlyArray<Exclude<Aim, { at: "anything" }>> => [
    ...stages
      .filter((stage) => tally.stages[stage]! < perStage || (resuming.includes(stage) && !tally.resumed[stage]))
      .map((stage) => ({ at: "stage", stage }) as const),
    ...(tally.inWrites < options.inWrites ? [{ at: "write" } as const] : [])
  ]
  const next = (): Aim | undefined => {
    if (tally.kills < kills) return { at: "anything" }
    const most = (aim: Aim) => TRIES * (aim.at === "stage" ? perStage : options.inWrites)
    return lacks().find((aim) => (tally.aimed[nameOf(aim)]?.tries ?? 0) < most(aim))
  }

  const round = (lane: number, nth: number, aim: Aim) =>
    inFresh(
      Effect.fnUntraced(function* (place) {
        const reference = references[lane]!
        const spared = { kind: "spared" } as const
        let torn = 0
        for (let start = 0; ; start++) {
          const stream = Keyed.stream([seed, "chaos", lane, nth, start])
          tally.starts++
          const fate: Start.Fate =
            aim.at === "anything"
              ? tally.kills < kills
                ? fateOf(stream, reference, tally.starts, torn)
                : spared
              : start === 0
                ? aimedFate(stream, reference, aim)
                : spared
          const end = yield* Start.start(options, place, fate)
          if (!end.killed) {
            yield* demand(place, refused(end))
            break
          }
          if (fate.kind === "spared") yield* demand(place, ["a start that was to be spared was killed by another"])
          const history = yield* RunHistory.read(place.out)
          torn = history.torn
          const stage = RunHistory.hit(history.records, end.pid, reference.artifacts)
          tally.kills++
          count(tally.stages, stage)
          if (end.died === undefined) tally.timed++
          else {
            const { operation, what, when } = end.died
            if (Failpoint.isWrite(operation)) tally.inWrites++
            else tally.beside++
            count(tally.writes, operation === "write" ? what : `${what}, ${when} ${operation}`)
          }
          if (aim.at !== "anything" && start === 0) {
            const isHit = aim.at === "write" ? end.died !== undefined : stage === aim.stage
            if (isHit) tally.aimed[nameOf(aim)]!.hits++
          }
        }
        const found = yield* Remains.of(place.out)
        yield* demand(place, [...(yield* Remains.faults(place.out, found)), ...Remains.differences(found, remains)])
        const { records } = yield* RunHistory.read(place.out)
        for (const [stage, times] of Object.entries(RunHistory.resumed(records))) count(tally.resumed, stage, times)
        tally.rounds++
        yield* watch(tally)
      })
    )

  yield* Effect.forEach(
    all,
    Effect.fnUntraced(function* (lane) {
      yield* demand(Start.placeIn(`lane ${lane}`), Remains.differences(references[lane]!.remains, remains))
      let nth = 0
      for (let aim = next(); aim !== undefined; aim = next()) {
        if (aim.at !== "anything") (tally.aimed[nameOf(aim)] ??= { tries: 0, hits: 0 }).tries++
        yield* round(lane, nth++, aim)
      }
    }),
    { concurrency: lanes }
  )
  const verdict: Verdict = {
    ...tally,
    restarts: tally.starts - tally.rounds,
    undisturbed: references.map(({ took }) => took / 1000),
    files: Object.values(remains).filter((what) => what !== "folder").length,
    lacking: lacks().map(nameOf)
  }
  return verdict
})
