/**
 * Does a replay find what was changed? Each change is planted on one side, in the run that is recorded or in the replay,
 * and `igm replay` has to name the stage and, inside of a training, epoch and step. A run without a change has to replay.
 */
import { DigitEncoders } from "@igm/av-digits"
import { RunFolder } from "@igm/experiment"
import { Effect, FileSystem, Path, Schema } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { fileURLToPath } from "node:url"
import type { Found } from "../../packages/cli/src/ReplayCommand.ts"
import { recordings } from "../../packages/cli/test/fixture.ts"
import type { Child } from "./planted.child.ts"
import * as Program from "./program.ts"
import * as Tamper from "./Tamper.ts"

/** The place at which a replay has to find a change. */
export interface Place {
  readonly stage: string
  readonly epoch?: number
  readonly step?: number
  readonly tensor?: string
}

/** A change. */
export interface Plant {
  readonly change: string
  readonly side: "recorded" | "replaying"
  readonly expected: Place | null
  /** The environment of the run, or of its replay. */
  readonly child?: Partial<Child>
  /** Other arguments of `igm replay`. */
  readonly replay?: ReadonlyArray<string>
  /** A change of files between the run and its replay. */
  readonly between?: (at: At) => Effect.Effect<void, unknown, FileSystem.FileSystem | Path.Path>
}

/** The files of a planted change. */
interface At {
  readonly program: string
  readonly encoder: string
  readonly run: string
}

const TAU = "0.4"

const STEP = { epoch: 3, step: 4 }

const flip = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const bytes = yield* fs.readFile(file)
  // A low bit of the fraction of a number in the middle of the file, where its weights are.
  bytes[Math.floor(bytes.length / 8) * 4 + 1]! ^= 1
  yield* fs.writeFile(file, bytes)
})

const rewrite = (file: string, change: (text: string) => string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    yield* fs.writeFileString(file, change(yield* fs.readFileString(file)))
  })

/** All changes. */
export const plants: ReadonlyArray<Plant> = [
  { change: "nothing", side: "recorded", expected: null },
  ...Tamper.mediaChanges.map((media): Plant => ({
    change: media,
    side: "recorded",
    expected: { stage: "media" },
    child: { media }
  })),
  {
    change: "the seed",
    side: "recorded",
    expected: { stage: "media" },
    between: ({ run }) =>
      Effect.flatMap(RunFolder.glance(run), (manifest) =>
        RunFolder.writeManifest(run, { ...manifest, arguments: { ...manifest.arguments, seed: 2 } })
      )
  },
  {
    change: "τ in the last digit (0.4, 0.4000000000000001)",
    side: "replaying",
    expected: { stage: "training" },
    between: ({ program }) => rewrite(program, (text) => text.replace(`tau: ${TAU}`, "tau: 0.4000000000000001"))
  },
  {
    change: "another provider (tfjs on WebAssembly)",
    side: "replaying",
    expected: { stage: "training", epoch: 1, step: 1 },
    replay: ["--heads", "tfjs:wasm"]
  },
  {
    change: "an encoder's weight",
    side: "replaying",
    expected: { stage: "features" },
    between: ({ encoder }) => flip(encoder)
  },
  ...(["recorded", "replaying"] as const).flatMap((side): ReadonlyArray<Plant> => [
    {
      change: "a mixup draw",
      side,
      expected: { stage: "training", ...STEP },
      child: { step: { kind: "mixup", ...STEP } }
    },
    {
      change: "one ulp in one weight",
      side,
      expected: { stage: "training", ...STEP, tensor: "image.W1" },
      child: { step: { kind: "ulp", ...STEP } }
    }
  ]),
  {
    change: "a changed stage version (features)",
    side: "recorded",
    expected: { stage: "features" },
    child: { version: "features" }
  },
  {
    change: "a changed stage version (training)",
    side: "recorded",
    expected: { stage: "training" },
    child: { version: "training" }
  }
]

/** The result of a planted change. */
export interface Outcome extends Pick<Plant, "change" | "side" | "expected"> {
  readonly found: Place | null
  readonly agrees: string | null
  readonly right: boolean
}

const bin = fileURLToPath(new URL("../../packages/cli/src/bin.ts", import.meta.url))
const planted = fileURLToPath(new URL("./planted.child.ts", import.meta.url))
const modules = fileURLToPath(new URL("../../node_modules", import.meta.url))

/** A program of this repository as a process; what it prints. */
export const node = Effect.fn("Planted.node")(function* (...args: ReadonlyArray<string>) {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  return yield* spawner.string(ChildProcess.make(process.execPath, ["--disable-warning=ExperimentalWarning", ...args]))
})

const lastLine = (text: string): string => text.trimEnd().split("\n").at(-1) ?? ""

const placeOf = ({ differences: [first] }: Found): Place | null => {
  if (first === undefined) return null
  const { stage, divergence } = first
  if (divergence === null || first.work.length > 0) return { stage }
  const { epoch, step, tensors } = divergence
  return { stage, epoch, ...(step === null ? {} : { step }), ...(tensors.length === 1 ? { tensor: tensors[0]! } : {}) }
}

/** Puts a program, its encoder and recordings into a folder. */
export const prepareIn = Effect.fn("Planted.prepareIn")(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const [program, encoder, out] = ["experiment.ts", "audio.onnx", "runs"].map((name) => path.join(folder, name))
  yield* fs.copyFile(DigitEncoders.audio.file, encoder!)
  yield* fs.symlink(modules, path.join(folder, "node_modules"))
  yield* fs.writeFileString(program!, Program.text({ encoder: encoder!, tau: TAU }))
  return { folder, program: program!, encoder: encoder!, out: out!, speech: yield* recordings }
})

/** A folder with a program, its encoder and its recordings. */
export const prepare = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  return yield* prepareIn(yield* fs.makeTempDirectoryScoped({ prefix: "igm-planted-" }))
})

/** The only run in a folder. */
export const runIn = Effect.fn("Planted.runIn")(function* (out: string) {
  const fs = yield* FileSystem.FileSystem
  const name = (yield* fs.readDirectory(out)).find((entry) => !entry.startsWith("."))
  return `${out}/${name}`
})

const Json = Schema.fromJsonString(Schema.Unknown)

/** Runs, plants, and replays. */
export const attempt = Effect.fn("Planted.attempt")(function* (plant: Plant) {
  const { program, encoder, out, speech } = yield* prepare
  const base: Child = { program, speech, out }
  yield* node(planted, JSON.stringify({ ...base, ...(plant.side === "recorded" ? plant.child : {}) }))
  const run = yield* runIn(out)
  yield* plant.between?.({ program, encoder, run }) ?? Effect.void
  const own = plant.side === "replaying" ? plant.child : undefined
  const said =
    own === undefined
      ? yield* node(bin, "replay", run, "--json", ...(plant.replay ?? []))
      : lastLine(yield* node(planted, JSON.stringify({ ...base, ...own, run })))
  const found = (yield* Schema.decodeEffect(Json)(said).pipe(
    Effect.mapError(() => new Error(`${plant.change}: the replay says nothing that can be read: ${said}`))
  )) as Found
  const place = placeOf(found)
  const right =
    plant.expected === null
      ? found.equal
      : place !== null && Object.entries(plant.expected).every(([key, value]) => place[key as keyof Place] === value)
  const { change, side, expected } = plant
  const outcome: Outcome = { change, side, expected, found: place, agrees: found.again?.agrees ?? null, right }
  return outcome
}, Effect.scoped)

const words = (place: Place | null): string => {
  if (place === null) return "equal"
  const { stage, epoch, step, tensor } = place
  return [
    stage,
    ...(epoch === undefined ? [] : [`epoch ${epoch}`]),
    ...(step === undefined ? [] : [`step ${step}`]),
    ...(tensor === undefined ? [] : [tensor])
  ].join(", ")
}

/** The table. */
export const text = (outcomes: ReadonlyArray<Outcome>): string => {
  const rows = [
    ["change", "planted in", "expected", "igm replay says", "step again leaves", ""],
    ...outcomes.map(({ change, side, expected, found, agrees, right }) => [
      change,
      expected === null ? "" : side === "recorded" ? "the run" : "the replay",
      words(expected),
      words(found),
      agrees ?? "",
      right ? "right" : "WRONG"
    ])
  ]
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)))
  const right = outcomes.filter((outcome) => outcome.right).length
  return [
    ...rows.map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join("   ")
        .trimEnd()
    ),
    "",
    `${right} of ${outcomes.length} right.`
  ].join("\n")
}
