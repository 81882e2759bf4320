/**
 * `igm replay`: executes a run again from its own records and reports if all results are equal; if not, the first
 * differences, their sizes, and the differences of the environments.
 */
import { Args, JsonDifference, type Manifest, Replay, Run, Runner, Training, placeOf } from "@igm/experiment"
import { ArtifactStore } from "@igm/io"
import type { Devices } from "@igm/training"
import { Effect, FileSystem, Layer, Path, Schema } from "effect"
import { ProgramError } from "./ProgramError.ts"
import * as ProgramFile from "./ProgramFile.ts"

/** Options of a replay. */
export interface Options {
  /** The run's folder. */
  readonly folder: string
  readonly manifest: Manifest.Finished
  /** The first stage, or piece of work, that is computed again; all of them by default. */
  readonly from: string | undefined
  readonly tolerance: number
  readonly refused: ReadonlyArray<Devices.Refused>
}

/** The error of a replay with different results, which have been printed already; it sets the exit code. */
export class ReplayDiffers extends Schema.TaggedError<ReplayDiffers>()("ReplayDiffers", {
  run: Schema.String,
  stage: Schema.String
}) {
  override get message(): string {
    return `${this.run} does not replay: ${this.stage} differs first`
  }
}

/** The result of a replay. */
export interface Found extends Replay.Comparison {
  readonly run: string
  /** `true` if everything that was compared is equal within the tolerance. */
  readonly equal: boolean
  readonly reused: number
  readonly tolerance: number
  readonly trace: "epoch" | "step"
  readonly inputs: { readonly count: number; readonly changed: ReadonlyArray<string> }
  readonly surroundings: ReadonlyArray<JsonDifference.Difference>
  readonly again: Replay.Again | null
}

/** Repeats the step at which a training diverges, if the traces identify it. */
const again = Effect.fnUntraced(function* (
  tasks: ReadonlyMap<string, Parameters<typeof Replay.again>[0]>,
  artifacts: Runner.Executed["artifacts"],
  [first]: ReadonlyArray<Replay.Difference>,
  recorded: string | undefined
) {
  const place = first?.divergence ?? null
  const task = first === undefined ? undefined : tasks.get(first.name)
  if (first === undefined || task === undefined || recorded === undefined || place === null) return null
  const { step, tensors } = place
  if (step === null || tensors.length === 0 || first.work.length > 0) return null
  const own = artifacts.find(({ stage, name }) => stage === first.stage && name === first.name)!
  return yield* Replay.again(task, place, step, yield* Training.read(recorded), yield* Training.read(own.folder))
})

/** Replays a run. */
export const replay = Effect.fn("ReplayCommand.replay")(function* (options: Options) {
  const { manifest, from, tolerance, refused } = options
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  // Paths in the manifest start at the folder itself, and not at a link to it.
  const folder = yield* Effect.orElseSucceed(fs.realPath(options.folder), () => options.folder)
  const store = yield* ArtifactStore
  const inputs = yield* Replay.inputs(folder, manifest)
  if (inputs.missing.length > 0) {
    const problem = `files that the run read are missing: ${inputs.missing.join(", ")}; put them back, or move the run together with its program and these`
    return yield* new ProgramError({ path: manifest.id, problem })
  }
  const given = from === undefined ? [] : Replay.before(manifest.artifacts, from)
  if (given === undefined) {
    const stages = [...new Set(manifest.artifacts.map(({ stage }) => stage))].join(", ")
    return yield* new ProgramError({ path: manifest.id, problem: `it has no stage ${from}, but ${stages}` })
  }
  const { trace } = manifest
  const there = (file: string) => placeOf(path, folder, file)
  const loaded = yield* ProgramFile.load(there(manifest.program.path), { check: false })
  const args = Args.mapPaths(loaded.experiment.specs, manifest.arguments, there)
  const { prepared, sources } = yield* ProgramFile.prepare(loaded, args)
  const { begun: own } = yield* Runner.begin(prepared, { sources, trace, refused }, folder)
  const tasks = new Map<string, Parameters<typeof Replay.again>[0]>()
  return yield* Effect.gen(function* () {
    const executed = yield* Runner.execute(manifest.id, ProgramFile.served(manifest.id, prepared.program)).pipe(
      Effect.provideService(Training.Witness, (name, task) => void tasks.set(name, task))
    )
    const compared = yield* Replay.compare(manifest.artifacts, store, executed.artifacts, { tolerance })
    const results = tolerance > 0 ? null : yield* Replay.results(folder, manifest, executed)
    const comparison = { ...compared, differences: [...compared.differences, ...(results === null ? [] : [results])] }
    const [first] = comparison.differences
    const used = manifest.artifacts.find(({ stage, name }) => stage === first?.stage && name === first.name)
    const recorded = used === undefined ? undefined : yield* store.find(used.stage, used.digest)
    const found: Found = {
      ...comparison,
      run: manifest.id,
      equal: comparison.differences.length === 0,
      reused: executed.artifacts.filter(({ reused }) => reused).length,
      tolerance,
      trace,
      inputs: { count: inputs.count, changed: inputs.changed },
      surroundings: Replay.surroundings(manifest, own),
      again: yield* again(tasks, executed.artifacts, comparison.differences, recorded?.folder)
    }
    return found
  }).pipe(
    Effect.provide(
      Layer.merge(
        Replay.layerStore(given),
        Layer.sync(Run, () => Run.unrecorded(trace))
      )
    )
  )
})

const SHOWN = 8

const few = (lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.length <= SHOWN ? lines : [...lines.slice(0, SHOWN), `  … and ${lines.length - SHOWN} more`]

const value = (json: unknown): string => {
  const text = json === undefined ? "nothing" : JSON.stringify(json)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

const inWords = ({ path, a, b }: JsonDifference.Difference): string =>
  `  ${JsonDifference.pathText(path)}: ${value(a)}, replayed ${value(b)}`

const number = (x: number): string => x.toPrecision(3)

/** Describes the first difference of two trainings. */
const place = ({ again, trace, surroundings }: Found, { divergence }: Replay.Difference): ReadonlyArray<string> => {
  if (divergence === null) return []
  const { epoch, turn, head, step, tensors, losses, size } = divergence
  const at = `  epoch ${epoch} (turn ${turn}, head ${head})${step === null ? "" : `, step ${step}`}`
  const what = tensors.length > 0 ? `: ${tensors.join(", ")}` : step === null ? "" : ": the loss"
  const bySize = Object.entries(size).map(([name, most]) => `${name} ${number(most)}`)
  const astray = (who: string): string => (surroundings.length === 0 ? `: ${who} went astray there` : "")
  const moved = Object.entries(again?.moved ?? {})
    .map(([name, most]) => `${number(most)} (${name})`)
    .join(", ")
  const agrees = {
    recorded: `what the run recorded${astray("the replay")}`,
    replayed: `what the replay had${astray("the recorded run")}`,
    both: "what both had, who differ in something else",
    neither: "neither: this step does not repeat itself"
  }
  return [
    `${at}${what}`,
    ...(losses === null || Object.is(losses[0], losses[1])
      ? []
      : [`  its loss: ${losses[0]}, replayed ${losses[1]} (difference ${number(Math.abs(losses[0] - losses[1]))})`]),
    ...(bySize.length === 0 ? [] : [`  largest differences at the end of that turn: ${bySize.join(", ")}`]),
    ...(again === null ? [] : [`  the step, run again, leaves ${agrees[again.agrees]}; it moves them by ${moved}`]),
    ...(trace === "epoch" && step !== null
      ? ["  a loss shows a difference a step late or more; run with --trace step to have each step's tensors recorded"]
      : [])
  ]
}

/** Formats the result of a replay for a terminal. */
export const text = (found: Found): string => {
  const { run, artifacts, epochs, steps, reused, tolerance, inputs, surroundings, differences, deviation } = found
  const counts = `${artifacts} artifacts (${reused} of them taken as recorded), ${epochs} epochs, ${steps} steps`
  const around = [
    ...(inputs.changed.length === 0
      ? []
      : ["Files that are others now:", ...inputs.changed.map((path) => `  ${path}`)]),
    ...(surroundings.length === 0
      ? ["Surroundings: the same program, versions, device and processor."]
      : ["Surroundings that differ:", ...few(surroundings.map(inWords))])
  ]
  const [first] = differences
  if (first === undefined) {
    const how = tolerance === 0 ? "bit by bit" : `within ${tolerance} (largest relative deviation ${number(deviation)})`
    return [`${run} replays ${how}: ${counts}.`, ...around].join("\n")
  }
  const { stage, name, work, files, note } = first
  const others = [...new Set(differences.slice(1).map((difference) => difference.stage))]
  return [
    `${run} does not replay: ${stage} differs first (${name}).`,
    ...place(found, first),
    ...(work.length === 0 ? [] : ["  what went in:", ...few(work.map((one) => `  ${inWords(one)}`))]),
    ...(files.length === 0 ? [] : [`  files that differ: ${few(files).join(", ")}`]),
    ...(first.deviation === null || first.deviation === 0
      ? []
      : [`  largest deviation of its numbers: ${number(first.deviation)} relative`]),
    ...(note === null ? [] : [`  ${note}`]),
    ...(others.length === 0 ? [] : [`  ${differences.length - 1} more differ after it, in: ${others.join(", ")}`]),
    `Compared: ${counts}.`,
    ...around
  ].join("\n")
}
