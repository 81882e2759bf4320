/**
 * `npm run minis`: the experiments of the five published data sets on miniatures of them, made here in their original
 * formats, from annotation file to report, by `igm run` itself. The class of a sample can be told from its media, so heads
 * have to find it; with the labels dealt anew they must not. Exit code 1 where either fails.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Results } from "@igm/experiment"
import { Progress } from "@igm/io"
import { MediaDecoder } from "@igm/media"
import { Console, Effect, FileSystem, Layer, Schema } from "effect"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Cli from "../../packages/cli/src/Cli.ts"
import * as Minis from "../../packages/datasets/test/Minis.ts"
import * as Described from "./Described.ts"
import * as Encoders from "./Encoders.ts"

const igm = (...args: ReadonlyArray<string>) => Cli.igm(args)

const words = Minis.vocabulary.split("\n").length

/** A miniature: the function that writes it, its size, and its encoders. */
const minis = {
  "crema-d": {
    write: Minis.cremaD,
    size: { train: 8, test: 6 },
    classes: 6,
    encoders: (folder: string) => ({
      audio: Encoders.ofShape(folder, "audio", [1, 257, 188]),
      video: Encoders.ofShape(folder, "video", [3, 224, 224])
    })
  },
  "kinetics-sounds": {
    write: Minis.kineticsSounds,
    size: { train: 5, test: 2 },
    classes: 31,
    encoders: (folder: string) => ({
      audio: Encoders.ofShape(folder, "audio", [1, 257, 1003]),
      video: Encoders.ofShape(folder, "video", [3, 3, 224, 224])
    })
  },
  twitter15: {
    write: Minis.twitter15,
    size: { train: 24, test: 16 },
    classes: 3,
    encoders: (folder: string) => ({
      text: Encoders.ofText(folder, "text", words),
      image: Encoders.ofShape(folder, "image", [3, 224, 224])
    })
  },
  sarcasm: {
    write: Minis.sarcasm,
    size: { train: 30, test: 24 },
    classes: 2,
    encoders: (folder: string) => ({
      text: Encoders.ofText(folder, "text", words),
      image: Encoders.ofShape(folder, "image", [3, 224, 224])
    })
  },
  nvgesture: {
    write: Minis.nvGesture,
    size: { train: 4, test: 2 },
    classes: 25,
    encoders: (folder: string) => ({
      depth: Encoders.ofShape(folder, "depth", [1, 16, 56, 56]),
      rgb: Encoders.ofShape(folder, "rgb", [3, 16, 56, 56]),
      flow: Encoders.ofShape(folder, "flow", [2, 16, 56, 56])
    })
  }
} as const

type Name = keyof typeof minis

/**
 * The accuracy that the heads of IGM have to reach, and the largest one above chance for heads that were trained on
 * shuffled labels.
 */
const [REACHED, ABOVE_CHANCE] = [0.9, 0.25]

const Accuracies = Schema.fromJsonString(
  Schema.Struct({
    methods: Schema.Array(
      Schema.Struct({ name: Schema.String, trainings: Schema.Array(Schema.Struct({ accuracy: Schema.Finite })) })
    )
  })
)

/** The folders of a miniature's data and runs. */
interface Folders {
  readonly root: string
  readonly out: string
}

/** Runs a miniature's experiment, which prints its table; gives the mean accuracy of each method. */
const run = Effect.fnUntraced(function* (name: Name, { root, out }: Folders, shuffled: boolean) {
  const fs = yield* FileSystem.FileSystem
  const { write, size, encoders } = minis[name]
  yield* write(root, { ...size, shuffled })
  yield* Minis.write(root, "vocab.txt", Minis.vocabulary)
  const described = yield* Effect.all(
    encoders(root) as { readonly [modality: string]: ReturnType<typeof Encoders.ofText> }
  )
  yield* fs.writeFileString(join(root, Described.FILE), JSON.stringify(described))
  const program = fileURLToPath(new URL(`${name}.experiment.ts`, import.meta.url))
  yield* igm("run", program, "--data", root, "--out", out, "--threads", "2", "--no-check")
  const id = (yield* fs.readDirectory(out)).find((entry) => !entry.startsWith("."))!
  const results = yield* fs.readFileString(join(out, id, Results.files.results))
  // The run goes, and the store with the features stays for the next one.
  yield* fs.remove(join(out, id), { recursive: true })
  const { methods } = yield* Schema.decodeEffect(Accuracies)(results)
  return methods.map(({ name, trainings }) => ({
    name,
    accuracy: trainings.reduce((total, { accuracy }) => total + accuracy, 0) / trainings.length
  }))
})

const silent = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provideService(effect, Console.Console, { ...console, log: () => undefined } as Console.Console)

const main = Effect.gen(function* () {
  let failed = 0
  for (const name of Object.keys(minis) as ReadonlyArray<Name>) {
    yield* Console.log(`\n# ${name}\n`)
    const fs = yield* FileSystem.FileSystem
    // The media are the same with either labels, and so are their features, which one folder of runs keeps.
    const folders = { root: yield* fs.makeTempDirectoryScoped(), out: yield* fs.makeTempDirectoryScoped() }
    const accuracies = yield* run(name, folders, false)
    const dealt = yield* silent(run(name, folders, true))
    const chance = 1 / minis[name].classes
    const own = accuracies.filter((method) => method.name.startsWith("IGM"))
    const low = own.filter(({ accuracy }) => accuracy < REACHED)
    const high = dealt.filter(({ accuracy }) => accuracy > chance + ABOVE_CHANCE)
    failed += low.length + high.length
    const said = (all: typeof own) => all.map(({ name, accuracy }) => `${name} ${accuracy.toFixed(3)}`).join(", ")
    yield* Console.log(
      [
        `${low.length === 0 ? "holds" : "MISSED"}: IGM's heads find the class (at least ${REACHED}): ${said(own)}`,
        `${high.length === 0 ? "holds" : "MISSED"}: with labels dealt anew they do not (chance ${chance.toFixed(3)}): ${said(dealt)}`
      ].join("\n")
    )
  }
  if (failed > 0) yield* Effect.sync(() => void (process.exitCode = 1))
})

main.pipe(
  Effect.scoped,
  Effect.provide(Layer.merge(Progress.layer, MediaDecoder.layer).pipe(Layer.provideMerge(NodeServices.layer))),
  NodeRuntime.runMain
)
