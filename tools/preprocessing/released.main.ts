/**
 * `npm run parity-released -- --python PYTHON --released RELEASED`: the test splits of miniatures, prepared by the loaders
 * here and by the released code's own data sets, array by array: pictures to 1/255 before they are standardised, spectrograms
 * to a thousandth of the largest magnitude, which is the 60 dB of their resampling, and words exactly. Exit code 1 where they differ by more.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { CremaD, type FolderDataset, KineticsSounds, Sarcasm, Twitter15 } from "@igm/datasets"
import { MediaDecoder, type Preprocess, TextInput } from "@igm/media"
import { ArtifactStore, Progress } from "@igm/io"
import { Safetensors, type Tensor } from "@igm/tensor"
import { Console, Effect, FileSystem, Layer } from "effect"
import { Command, Flag } from "effect/cli"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import * as Minis from "../../packages/datasets/test/Minis.ts"

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const SIZE = { train: 2, test: 2 }

/** Texts are compared as words, before they are tokens: parity-words compares tokens. */
const none: Preprocess = { settings: {}, shape: {}, load: () => Effect.succeed({}) }

/** The deviations of standardised pictures that one step of 255 makes. */
const STEP = {
  "crema-d": 1 / 255 / 0.224,
  "kinetics-sounds": 1 / 255 / 0.224,
  twitter15: 1 / 255 / 0.2613,
  sarcasm: 1 / 255 / 0.2613
}
const ROUNDING = 1e-5

type Name = keyof typeof STEP

/** Writes what the released code reads besides the published files. */
const converted = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  for (const split of ["train", "test"]) {
    const list = yield* fs.readFileString(`${folder}/kinetics-sounds/KineticSound-my_${split}.txt`)
    const rows = list.split("\n").map((line) => line.split(",") as [string, string, string])
    const csv = ["youtube_id,label", ...rows.map(([clip, , label]) => `${clip},${label}`)].join("\n")
    yield* Minis.write(folder, `kinetics-sounds/annotations/${split}.csv`, csv)
    if (split === "train") yield* Minis.write(folder, "kinetics-sounds/annotations/weight.csv", csv)
  }
  const tweets = (yield* fs.readFileString(`${folder}/twitter15/absa_data/twitter2015/test.tsv`)).split("\n").slice(1)
  const cells = tweets.map((line) => line.split("\t") as [string, string, string, string, string])
  const table = cells.map(([, label, image, text]) => [label, image, text].join("\t"))
  yield* Minis.write(folder, "twitter15/test.tsv", ["Label\tImageID\tString", ...table].join("\n"))
  yield* fs.symlink(`${folder}/twitter15/twitter2015_images`, `${folder}/twitter15/images`)
  const { rows } = yield* Sarcasm.list("hashtag")(`${folder}/sarcasm`)
  const test = rows.flatMap(({ split, id, label, wanted: { text } }) =>
    split === "test" ? [{ image: `${id}.jpg`, text: text.kind === "text" ? text.text : "", label }] : []
  )
  yield* Minis.write(folder, "sarcasm/test.json", JSON.stringify(test))
})

/** The largest difference of two arrays; of logarithms, that of what they are of, relative to the largest. */
const differs = (ours: Tensor.Tensor<"float32">, theirs: Tensor.Tensor, logarithms: boolean): number => {
  const own = ours.data
  const other = theirs.data as Float32Array
  if (own.length !== other.length) return Infinity
  let [most, largest] = [0, 0]
  for (let i = 0; i < own.length; i++) {
    const [a, b] = logarithms ? [Math.exp(own[i]!), Math.exp(other[i]!)] : [own[i]!, other[i]!]
    most = Math.max(most, Math.abs(a - b))
    largest = Math.max(largest, Math.abs(b))
  }
  return logarithms ? most / largest : most
}

const compare = Effect.fnUntraced(function* (python: string, released: string) {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  yield* Minis.cremaD(`${folder}/crema-d`, SIZE)
  yield* Minis.kineticsSounds(`${folder}/kinetics-sounds`, { train: 2, test: 1 })
  yield* Minis.twitter15(`${folder}/twitter15`, SIZE)
  yield* Minis.sarcasm(`${folder}/sarcasm`, SIZE)
  yield* converted(folder)
  const script = here("../reference/released_inputs.py")
  yield* Effect.promise(() => promisify(execFile)(python, [script, folder, "--released", released]))
  const { tensors } = Safetensors.decode(yield* fs.readFile(`${folder}/released.safetensors`))
  const datasets: { readonly [N in Name]: FolderDataset.FolderDataset<string> } = {
    "crema-d": CremaD.make({ root: `${folder}/crema-d`, seed: 1 }),
    "kinetics-sounds": KineticsSounds.make({ root: `${folder}/kinetics-sounds`, seed: 1 }),
    twitter15: Twitter15.make({ root: `${folder}/twitter15`, seed: 1, text: none }),
    sarcasm: Sarcasm.make({ root: `${folder}/sarcasm`, seed: 1, text: none })
  }
  let failed = 0
  for (const name of Object.keys(datasets) as ReadonlyArray<Name>) {
    const { modalities, prepare } = datasets[name]
    const samples = (yield* prepare).samples("test")
    const most: Record<string, number> = {}
    for (const [i, { media }] of samples.entries()) {
      for (const [modality, source] of Object.entries(media)) {
        if (modality === "text") continue
        const ours = (yield* modalities[modality]!.load(source)) as Tensor.Tensor<"float32">
        const off = differs(ours, tensors[`${name}.${modality}.${i}`]!, modality === "audio")
        most[modality] = Math.max(most[modality] ?? 0, off)
      }
    }
    if ("text" in modalities) {
      const theirs = JSON.parse(yield* fs.readFileString(`${folder}/${name}/texts.json`)) as ReadonlyArray<string>
      const rule =
        name === "sarcasm" ? ({ rule: "caption", words: 50 } as const) : ({ rule: "letters", words: 50 } as const)
      most["text"] = samples.filter(
        ({ media }, i) => TextInput.cleaned(media["text"]!.text!, rule) !== theirs[i]
      ).length
    }
    for (const [modality, off] of Object.entries(most)) {
      const limit = modality === "audio" ? 1e-3 : modality === "text" ? 0 : STEP[name] + ROUNDING
      if (off > limit) failed++
      yield* Console.log(
        `${off <= limit ? "holds " : "MISSED"} ${name}, ${modality}: ${samples.length} samples, largest difference ${off.toPrecision(2)} (at most ${limit.toPrecision(2)})`
      )
    }
  }
  return failed
})

const command = Command.make(
  "parity-released",
  {
    python: Flag.String("python").pipe(Flag.withDefault(here("../reference/.venv/bin/python"))),
    released: Flag.String("released").pipe(Flag.withDefault(here("../reference/RELEASED")))
  },
  Effect.fnUntraced(function* ({ python, released }) {
    const store = yield* FileSystem.FileSystem.use((fs) => fs.makeTempDirectoryScoped())
    const failed = yield* compare(python, released).pipe(Effect.provide(ArtifactStore.layer(store)))
    if (failed > 0) yield* Effect.sync(() => void (process.exitCode = 1))
  }, Effect.scoped)
)

command.pipe(
  Command.run({ version: "0.1.0" }),
  Effect.provide(Layer.merge(Progress.layerSilent, MediaDecoder.layer).pipe(Layer.provideMerge(NodeServices.layer))),
  NodeRuntime.runMain
)
