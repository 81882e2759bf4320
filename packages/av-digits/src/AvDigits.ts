/**
 * AV-digits, after AV-MNIST (Vielzeuf et al. 2018): a written and a spoken digit, both degraded so that neither
 * suffices. The written ones are MNIST's. The spoken ones are synthesized in several voice settings, or recordings of
 * people when a folder of them is given. Splits share no voice setting or speaker and no image, and hold nothing that
 * trained the encoders. Everything is derived from one seed.
 */
import { type Dataset, DatasetError } from "@igm/datasets"
import { type Artifact, ArtifactStore, Progress, contentOf, ioError } from "@igm/io"
import { GreyImage, Spectrogram, Wav } from "@igm/media"
import { Digest, Keyed, Setting, Split } from "@igm/tensor"
import { Effect, FileSystem, Path, Schema } from "effect"
import { createRequire } from "node:module"
import type sharp from "sharp"
import * as Degradation from "./Degradation.ts"
import { DIGITS } from "./Digits.ts"
import * as Mnist from "./Mnist.ts"
import * as Recordings from "./Recordings.ts"
import * as Synthesizer from "./Synthesizer.ts"
import { forHeads, nameOf } from "./VoiceSettings.ts"

/** The source of the spoken digits. */
export type Speech = { readonly kind: "synthetic" } | { readonly kind: "recordings"; readonly folder: string }

/** Samples of each digit in each split of the synthetic data. */
export type PerDigit = { readonly [S in Split.Split]: number }

/** The inputs of the data set. */
export interface Options {
  readonly seed: number
  readonly speech: Speech
  /** By default 200, 50 and 100; at most 463 together, for which there are images. Recordings are all used, once each. */
  readonly perDigit?: PerDigit
}

type Modality = "audio" | "image"

/** An utterance that a sample is made from: the digit, its group, and a clean wav file. */
interface Utterance {
  readonly digit: number
  readonly group: string
  readonly wav: string
}

interface Spoken {
  readonly source: string
  readonly heldOut: ReadonlyArray<string>
  readonly utterances: { readonly [S in Split.Split]: ReadonlyArray<Utterance> }
  readonly artifacts: ReadonlyArray<Artifact>
  readonly sources: ReadonlyArray<Dataset.Media>
  readonly key: Digest.Json
}

/** The versions of what the media are made from and with. */
const libraries = () => {
  const require = createRequire(import.meta.url)
  const versionOf = (name: string): string => (require(`${name}/package.json`) as { version: string }).version
  const { versions } = require("sharp") as typeof sharp
  return {
    mnist: versionOf("mnist"),
    libsamplerate: versionOf("@alexanderolsen/libsamplerate-js"),
    sharp: versions.sharp ?? "",
    vips: versions.vips
  }
}

const PER_DIGIT: PerDigit = { train: 200, valid: 50, test: 100 }

/** Images of the rarest digit that trained no encoder. */
const IMAGES = 463

const Domain = Schema.Struct({
  seed: Setting.seed,
  speech: Schema.Union([
    Schema.Struct({ kind: Schema.Literal("synthetic") }),
    Schema.Struct({ kind: Schema.Literal("recordings"), folder: Schema.String })
  ]).annotate({ expected: '{ kind: "synthetic" } or { kind: "recordings", folder }' }),
  perDigit: Schema.optional(
    Schema.Struct({ train: Setting.count, valid: Setting.count, test: Setting.count }).check(
      Schema.makeFilter(({ train, valid, test }) => train + valid + test <= IMAGES, {
        expected: `numbers that are ${IMAGES} together at most, since there are so many images of each digit`
      })
    )
  )
})

/** The data set. Throws a `SettingError` for what it cannot be made from. */
export const make = (options: Options): Dataset.Dataset<Modality> => {
  Setting.check("AV-digits", Domain, options)
  return {
    name: "AV-digits",
    classes: DIGITS,
    modalities: { audio: Spectrogram.preprocess, image: GreyImage.preprocess },
    prepare: prepare(options)
  }
}

const Index = Schema.fromJsonString(
  Schema.Array(
    Schema.Struct({
      split: Schema.Literals(Split.all),
      id: Schema.String,
      label: Schema.Int,
      group: Schema.String,
      audio: Schema.String,
      image: Schema.String
    })
  )
)

const INDEX = "index.json"

const prepare = Effect.fn("AvDigits.prepare")(function* (options: Options) {
  const store = yield* ArtifactStore
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const spoken = yield* options.speech.kind === "synthetic" ? synthetic(options) : recorded(options.speech.folder)
  const key = {
    seed: options.seed,
    recipe: Degradation.recipe as unknown as Digest.Json,
    encoderImages: Mnist.ENCODER_IMAGES,
    libraries: libraries(),
    speech: spoken.key
  }
  const media = yield* store.getOrMake({ stage: "media", version: 1, key }, (scratch) =>
    materialise(scratch, options.seed, spoken)
  )
  const index = path.join(media.folder, INDEX)
  const rows = yield* fs
    .readFileString(index)
    .pipe(Effect.flatMap(Schema.decodeEffect(Index)), Effect.mapError(ioError(index, "read the index of the samples")))
  const mediaOf = (file: string) => ({ path: path.join(media.folder, file), digest: media.files[file]! })
  const bySplit = Object.groupBy(rows, ({ split }) => split)
  const samples = (split: Split.Split): ReadonlyArray<Dataset.Sample<Modality>> =>
    (bySplit[split] ?? []).map(({ id, label, group, audio, image }) => ({
      id,
      label,
      group,
      media: { audio: mediaOf(audio), image: mediaOf(image) }
    }))
  const prepared: Dataset.Prepared<Modality> = {
    samples,
    manifest: manifestOf(options.seed, spoken, samples),
    artifacts: [...spoken.artifacts, media],
    sources: spoken.sources
  }
  return prepared
})

const manifestOf = (
  seed: number,
  { source, heldOut }: Spoken,
  samples: (split: Split.Split) => ReadonlyArray<Dataset.Sample<Modality>>
): Dataset.Manifest => {
  const describe = (split: Split.Split) => {
    const all = samples(split)
    const count = (label: number) => all.filter((sample) => sample.label === label).length
    return {
      samples: all.length,
      classes: Object.fromEntries(DIGITS.map((word, digit) => [word, count(digit)])),
      groups: [...new Set(all.map(({ group }) => group))].toSorted()
    }
  }
  const splits = { train: describe("train"), valid: describe("valid"), test: describe("test") }
  const groups = Split.all.flatMap((split) => splits[split].groups)
  const content = Split.all.map((split) =>
    samples(split).map(({ id, label, group, media }) => [id, label, group, media.audio.digest, media.image.digest])
  )
  return {
    name: "AV-digits",
    seed,
    source,
    splits,
    sharedGroups: groups.filter((group, i) => groups.indexOf(group) !== i),
    heldOut: [...heldOut, `the first ${Mnist.ENCODER_IMAGES} MNIST images of each digit`],
    recipe: Degradation.recipe as unknown as Digest.Json,
    digest: Digest.ofJson(content)
  }
}

/** Speech by synthesis: each voice's settings are dealt to the splits by the seed, half of them to train. */
const synthetic = Effect.fnUntraced(function* ({ seed, perDigit = PER_DIGIT }: Options) {
  const dealt: { readonly [S in Split.Split]: Array<number> } = { train: [], valid: [], test: [] }
  const voices = Object.groupBy(
    forHeads.map((setting, i) => ({ setting, i })),
    ({ setting }) => setting.voice
  )
  for (const [voice, settings] of Object.entries(voices)) {
    Keyed.permutation(Keyed.stream([seed, "voice settings", voice]), settings.length).forEach((at, rank) => {
      const share = rank / settings.length
      dealt[share < 0.5 ? "train" : share < 0.7 ? "valid" : "test"].push(settings[at]!.i)
    })
  }
  const used = Split.all.flatMap((split) => dealt[split].toSorted((a, b) => a - b).slice(0, perDigit[split]))
  const { artifacts, wavOf } = yield* Synthesizer.speak(used.map((i) => forHeads[i]!))
  const utterances = (split: Split.Split): ReadonlyArray<Utterance> => {
    const settings = used.filter((i) => dealt[split].includes(i))
    return Array.from({ length: perDigit[split] * DIGITS.length }, (_, n) => {
      const digit = n % DIGITS.length
      const setting = settings[Math.floor(n / DIGITS.length) % settings.length]!
      return { digit, group: nameOf(forHeads[setting]!), wav: wavOf(used.indexOf(setting), digit) }
    })
  }
  const spoken: Spoken = {
    source: "synthetic speech (flite) in disjoint voice settings",
    heldOut: ["the synthetic voice settings that trained the audio encoder"],
    utterances: { train: utterances("train"), valid: utterances("valid"), test: utterances("test") },
    artifacts,
    sources: [],
    key: { artifacts: artifacts.map(contentOf), perDigit: { ...perDigit } }
  }
  return spoken
})

/** Speech by recordings: of the speakers in alphabetical order, the last one is for test and the one before for valid. */
const recorded = Effect.fnUntraced(function* (folder: string) {
  const path = yield* Path.Path
  const recordings = yield* Recordings.read(folder)
  const speakers = [...new Set(recordings.map(({ speaker }) => speaker))].toSorted()
  const free = speakers.filter((speaker) => !Recordings.ENCODER_SPEAKERS.includes(speaker))
  if (free.length < 3) {
    const problem =
      `three speakers are needed besides ${Recordings.ENCODER_SPEAKERS.join(" and ")}, who trained the audio encoder; ` +
      `found ${free.length === 0 ? "none" : free.join(", ")}`
    return yield* new DatasetError({ path: folder, problem })
  }
  const splitOf = (speaker: string): Split.Split | undefined => {
    const rank = free.indexOf(speaker)
    if (rank < 0) return undefined
    return rank === free.length - 1 ? "test" : rank === free.length - 2 ? "valid" : "train"
  }
  const utterances = (split: Split.Split): ReadonlyArray<Utterance> =>
    recordings
      .filter(({ speaker }) => splitOf(speaker) === split)
      .map(({ digit, speaker, path }) => ({ digit, group: speaker, wav: path }))
  const missing = Split.all.flatMap((split) => {
    const found = new Set(utterances(split).map(({ digit }) => digit))
    return DIGITS.flatMap((_, digit) => (found.has(digit) ? [] : [`${digit} in ${split}`]))
  })
  if (missing.length > 0) {
    return yield* new DatasetError({ path: folder, problem: `no recording of digit ${missing.join(", ")}` })
  }
  const spoken: Spoken = {
    // Without the folders above it, which are others on another machine.
    source: `recordings of people in ${path.basename(path.resolve(folder))}`,
    heldOut: speakers.filter((speaker) => !free.includes(speaker)).map((speaker) => `speaker ${speaker}`),
    utterances: { train: utterances("train"), valid: utterances("valid"), test: utterances("test") },
    artifacts: [],
    sources: recordings.map(({ path, digest }) => ({ path, digest })),
    key: { recordings: recordings.map(({ digit, speaker, take, digest }) => [digit, speaker, take, digest]) }
  }
  return spoken
})

/** Degrades every sample and writes its wav and PNG files, and the index. */
const materialise = Effect.fnUntraced(function* (scratch: string, seed: number, { utterances }: Spoken) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const total = Split.all.reduce((n, split) => n + utterances[split].length, 0)
  const advance = yield* (yield* Progress).bar("degrade samples", total)
  const put = (file: string, bytes: Uint8Array) =>
    fs
      .writeFile(path.join(scratch, file), bytes)
      .pipe(Effect.mapError(ioError(path.join(scratch, file), "write this file")))
  for (const folder of ["audio", "image"]) {
    yield* fs
      .makeDirectory(path.join(scratch, folder))
      .pipe(Effect.mapError(ioError(path.join(scratch, folder), "make this folder")))
  }
  const images = yield* Effect.forEach(DIGITS, (_, digit) =>
    Mnist.images(digit).pipe(
      Effect.map((all) => {
        const pool = all.slice(Mnist.ENCODER_IMAGES)
        return Array.from(Keyed.permutation(Keyed.stream([seed, "images", digit]), pool.length), (at) => pool[at]!)
      })
    )
  )
  /** The next unused image of each digit; each image is used at most once, in one split. */
  const next = DIGITS.map(() => 0)
  const plan = Split.all.flatMap((split) =>
    utterances[split].map((utterance, i) => ({ ...utterance, split, i, image: next[utterance.digit]!++ }))
  )
  const lacking = plan.find(({ digit, image }) => image >= images[digit]!.length)
  if (lacking !== undefined) {
    const problem = `more than ${images[lacking.digit]!.length} recordings of digit ${lacking.digit}: MNIST has no more images`
    return yield* new DatasetError({ path: lacking.wav, problem })
  }
  const wavs = new Map<string, Wav.Sound>()
  for (const { wav } of plan) if (!wavs.has(wav)) wavs.set(wav, yield* Wav.read(wav))
  const degrade = Effect.fnUntraced(function* ({ split, i, digit, group, wav, image }: (typeof plan)[number]) {
    const stream = (purpose: string) => Keyed.stream([seed, "degrade", split, i, purpose])
    const sound = Degradation.speech(wavs.get(wav)!, stream("speech"), Degradation.recipe.audio)
    const picture = Degradation.image(images[digit]![image]!, stream("image"), Degradation.recipe.image)
    const id = `${split}-${String(i).padStart(4, "0")}-${digit}`
    const row = { split, id, label: digit, group, audio: `audio/${id}.wav`, image: `image/${id}.png` }
    yield* put(row.audio, Wav.encode(sound))
    yield* put(row.image, yield* Effect.promise(() => GreyImage.encodePng(picture, Mnist.SIDE)))
    yield* advance(1)
    return row
  })
  const rows = yield* Effect.forEach(plan, degrade, { concurrency: 8 })
  yield* put(INDEX, new TextEncoder().encode(`${yield* Effect.orDie(Schema.encodeEffect(Index)(rows))}\n`))
}, Effect.scoped)
