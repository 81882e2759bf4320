/**
 * Miniatures of the published data sets, in their original layout. A sample's class can be told from each of its media: from
 * two tones, from the colours of a picture's halves, from a word.
 */
import { ClipInput, FlowInput, MediaFile, Wav } from "@igm/media"
import { Keyed } from "@igm/tensor"
import { Effect, FileSystem, Path } from "effect"
import sharp from "sharp"

/** How many samples of each class, and whether the labels are dealt anew, so that they say nothing of the media. */
export interface Size {
  readonly train: number
  readonly test: number
  readonly shuffled?: boolean
}

/** Two tones of a class: each of the six notes of two octaves. */
const tones = (label: number): readonly [number, number] => [
  400 * 2 ** ((label % 6) / 4),
  1600 * 2 ** ((Math.floor(label / 6) % 6) / 4)
]

const RATE = 16_000

/** A sound of a class, with some noise. */
const sound = (label: number, name: string, seconds = 0.6): Uint8Array => {
  const stream = Keyed.stream(["mini", "sound", name])
  const [low, high] = tones(label)
  const samples = Float32Array.from({ length: Math.round(RATE * seconds) }, (_, t) => {
    const at = (2 * Math.PI * t) / RATE
    return 0.3 * Math.sin(low * at) + 0.3 * Math.sin(high * at) + 0.02 * (stream.uniform() - 0.5)
  })
  return Wav.encode({ rate: RATE, samples })
}

const COLOURS = ["#d02020", "#20b020", "#2040d0", "#d0c020", "#b020b0", "#20b0b0"]
const [WIDTH, HEIGHT] = [48, 40]

/** A picture of a class: the left half has one colour and the right half another, with some noise. */
export const picture = (label: number, name: string) =>
  Effect.promise((): Promise<Uint8Array> => {
    const stream = Keyed.stream(["mini", "picture", name])
    const noise = Uint8Array.from({ length: WIDTH * HEIGHT * 4 }, (_, i) =>
      i % 4 === 3 ? 40 : Keyed.below(stream, 256)
    )
    const [left, right] = [COLOURS[label % 6]!, COLOURS[Math.floor(label / 6) % 6]!]
    const half = { width: WIDTH / 2, height: HEIGHT, channels: 3, background: right } as const
    return sharp({ create: { width: WIDTH, height: HEIGHT, channels: 3, background: left } })
      .composite([
        { input: { create: half }, left: WIDTH / 2, top: 0 },
        { input: Buffer.from(noise.buffer), raw: { width: WIDTH, height: HEIGHT, channels: 4 } }
      ])
      .jpeg({ quality: 95 })
      .toBuffer()
  })

const MEANT = ["gloomy", "plain", "sunny"]
const FILLER = "the train to market left early and nobody in town said a word about it".split(" ")

/** The words that texts are made of. */
const WORDS = [...MEANT, ...FILLER, "t", "somebody"]

/** A text of a class, among words of no class; `marker` stands in it as it is. */
const text = (label: number, name: string, marker: string): string => {
  const stream = Keyed.stream(["mini", "text", name])
  const words = Array.from({ length: 6 + Keyed.below(stream, 5) }, () => FILLER[Keyed.below(stream, FILLER.length)]!)
  words.splice(Keyed.below(stream, words.length), 0, MEANT[label]!)
  words.splice(Keyed.below(stream, words.length), 0, marker)
  return words.join(" ")
}

/** A vocabulary of word pieces that has these words. */
export const vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...new Set(WORDS)].join("\n")

/** Writes a file, and the folders above it. */
export const write = Effect.fnUntraced(function* (root: string, name: string, content: string | Uint8Array) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.join(root, name)
  yield* fs.makeDirectory(path.dirname(file), { recursive: true })
  yield* typeof content === "string" ? fs.writeFileString(file, content) : fs.writeFile(file, content)
})

/** The numbers of the samples of a split, with the class that their media show and the one that they are labelled with. */
const samples = (split: string, classes: number, count: number, shuffled: boolean) => {
  const shown = Array.from({ length: classes * count }, (_, i) => i % classes)
  const order = Keyed.permutation(Keyed.stream(["mini", "shuffle", split]), shown.length)
  return shown.map((label, i) => ({ i, shown: label, said: shuffled ? shown[order[i]!]! : label }))
}

const EMOTIONS = ["NEU", "HAP", "SAD", "FEA", "DIS", "ANG"]

/** CREMA-D, of four actors. */
export const cremaD = Effect.fnUntraced(function* (root: string, { train, test, shuffled = false }: Size) {
  for (const [split, count] of [
    ["train", train],
    ["test", test]
  ] as const) {
    const lines: Array<string> = []
    for (const { i, shown, said } of samples(split, 6, count, shuffled)) {
      const clip = `${1001 + (i % 4)}_${split === "train" ? "TRA" : "TES"}_X${i}_XX`
      lines.push(`${clip},${EMOTIONS[said]!}`)
      yield* write(root, `AudioWAV/${clip}.wav`, sound(shown, clip, 1.1))
      yield* write(root, `Image-01-FPS/${clip}/00001.jpg`, yield* picture(shown, clip))
    }
    yield* write(root, `annotations/${split}.csv`, lines.join("\n"))
  }
})

/** Kinetics-Sounds, with the public list, or its first classes. */
export const kineticsSounds = Effect.fnUntraced(function* (
  root: string,
  { train, test, shuffled = false }: Size,
  classes = 31
) {
  for (const [split, count] of [
    ["train", train],
    ["test", test]
  ] as const) {
    const lines: Array<string> = []
    for (const { i, shown, said } of samples(split, classes, count, shuffled)) {
      const clip = `${split}${String(i).padStart(11 - split.length, "-")}_${i}`
      lines.push(`${clip},10,${said}`)
      yield* write(root, `${split}_wav/${clip}.wav`, sound(shown, clip))
      for (let n = 1; n <= 4; n++) {
        const bytes = yield* picture(shown, `${clip} ${n}`)
        yield* write(root, `${split}_img/Image-01-FPS/${clip}/0000${n}.jpg`, bytes)
      }
    }
    yield* write(root, `KineticSound-my_${split}.txt`, lines.join("\n"))
  }
})

/** Twitter15; as many samples validate as test. */
export const twitter15 = Effect.fnUntraced(function* (root: string, { train, test, shuffled = false }: Size) {
  for (const [split, count] of [
    ["train", train],
    ["dev", test],
    ["test", test]
  ] as const) {
    const titles =
      split === "test" ? "index\t#1 ImageID\t#2 String\t#2 String" : "index\t#1 Label\t#2 ImageID\t#3 String\t#3 String"
    const lines = [titles]
    for (const { i, shown, said } of samples(split, 3, count, shuffled)) {
      const image = `${split}${i}.jpg`
      lines.push([i + 1, said, image, text(shown, image, "$T$"), "somebody"].join("\t"))
      yield* write(root, `twitter2015_images/${image}`, yield* picture(shown, image))
    }
    yield* write(root, `absa_data/twitter2015/${split}.tsv`, lines.join("\n"))
  }
})

/** A text as Python writes it. */
const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`

/** Sarcasm; as many samples validate as test. */
export const sarcasm = Effect.fnUntraced(function* (root: string, { train, test, shuffled = false }: Size) {
  for (const [k, [split, count]] of (
    [
      ["train", train],
      ["valid2", test],
      ["test2", test]
    ] as const
  ).entries()) {
    const lines: Array<string> = []
    for (const { i, shown, said } of samples(split, 2, count, shuffled)) {
      const id = String(1000 * (k + 1) + i)
      lines.push(`['${id}', ${quoted(text(shown, id, "#"))}, ${said}${split === "train" ? "" : `, ${said}`}]`)
      yield* write(root, `images/${id}.jpg`, yield* picture(shown, id))
    }
    yield* write(root, `text/${split}.txt`, lines.join("\n"))
  }
})

/** Frames of a film, and which of them are its gesture. */
const [FRAMES, FROM, TO] = [20, 2, 18]
const [FILM_WIDTH, FILM_HEIGHT, SQUARE] = [64, 48, 10]

/** A film of a class: a bright square moves from the middle in one of five directions, at one of five speeds. */
const film = Effect.fnUntraced(function* (path: string, label: number, name: string, colour: readonly number[]) {
  const stream = Keyed.stream(["mini", "film", name])
  const angle = (2 * Math.PI * (label % 5)) / 5
  const speed = 0.25 * (1 + (Math.floor(label / 5) % 5))
  const frames = Array.from({ length: FRAMES }, (_, t) => {
    const [left, top] = [
      Math.round(FILM_WIDTH / 2 - SQUARE / 2 + speed * t * Math.cos(angle)),
      Math.round(FILM_HEIGHT / 2 - SQUARE / 2 + speed * t * Math.sin(angle))
    ]
    return Uint8Array.from({ length: FILM_WIDTH * FILM_HEIGHT * 3 }, (_, i) => {
      const [x, y] = [Math.floor(i / 3) % FILM_WIDTH, Math.floor(i / 3 / FILM_WIDTH)]
      const inside = x >= left && x < left + SQUARE && y >= top && y < top + SQUARE
      return inside ? colour[i % 3]! : 20 + Keyed.below(stream, 4)
    })
  })
  yield* MediaFile.write(path, { pictures: { width: FILM_WIDTH, height: FILM_HEIGHT, rate: 10, frames } })
})

const few = { side: 64, crop: 56, frames: TO - FROM, window: 12 } as const

/** The preprocessing of the miniature of NVGesture: as that of the whole, in smaller boxes. */
export const clips = {
  depth: ClipInput.preprocess({ ...ClipInput.settings.depth, ...few }),
  rgb: ClipInput.preprocess({ ...ClipInput.settings.kinetics, ...few }),
  flow: FlowInput.preprocess({ ...FlowInput.settings, ...few })
}

/** NVGesture, by four subjects, or its first classes. */
export const nvGesture = Effect.fnUntraced(function* (
  root: string,
  { train, test, shuffled = false }: Size,
  classes = 25
) {
  const fs = yield* FileSystem.FileSystem
  for (const [split, count] of [
    ["train", train],
    ["test", test]
  ] as const) {
    const lines: Array<string> = []
    for (const { i, shown, said } of samples(split, classes, count, shuffled)) {
      const clip = `Video_data/class_${String(shown + 1).padStart(2, "0")}/subject${1 + (i % 4)}_r${split === "train" ? i : 1000 + i}`
      yield* fs.makeDirectory(`${root}/${clip}`, { recursive: true })
      yield* film(`${root}/${clip}/sk_depth.avi`, shown, `${clip} depth`, [200, 200, 200])
      yield* film(`${root}/${clip}/sk_color.avi`, shown, `${clip} color`, [220, 120, 40])
      lines.push(
        `path:./${clip} depth:sk_depth:${FROM}:${TO} color:sk_color:${FROM}:${TO} duo_left:duo_left:0:1 label:${said + 1} `
      )
    }
    yield* write(root, `nvgesture_${split}_correct_v2.lst`, lines.join("\n"))
  }
})
