/**
 * Statistics of a data set's sources, without preparing them: their sizes, durations and lengths, and the distributions
 * over samples.
 */
import { Film, type MediaDecoder, type MediaError, Raster, SamplePreview, Sound, type Source } from "@igm/media"
import { Effect, type FileSystem } from "effect"

/** Numbers by what they measure, with its unit, such as "duration, s". */
export interface Measures {
  readonly [measure: string]: number
}

const ofText = (text: string): Measures => ({
  words: text.split(/\s+/).filter((word) => word !== "").length,
  characters: [...text].length
})

const ofSound = Effect.fnUntraced(function* (path: string) {
  const { rate, samples } = yield* Sound.read(path)
  return { "duration, s": samples.length / rate, "rate, Hz": rate }
})

const ofFilm = Effect.fnUntraced(function* ({ path, frames }: Source) {
  const { width, height, rate } = yield* Film.about(path)
  const count = frames === undefined ? yield* Film.count(path) : frames[1] - frames[0]
  return { "width, px": width, "height, px": height, frames: count, "duration, s": count / rate }
})

const ofImage = (path: string) =>
  Raster.use(path, "this is not a picture", async (bytes): Promise<Measures> => {
    const { width, height } = await Raster.open(bytes).metadata()
    return { "width, px": width, "height, px": height, "size, kB": bytes.length / 1000 }
  })

/** The measurements of a source. */
export const of = (source: Source): Effect.Effect<Measures, MediaError, FileSystem.FileSystem | MediaDecoder> => {
  if (source.text !== undefined) return Effect.succeed(ofText(source.text))
  const { path, files } = source
  if (files !== undefined) {
    return Effect.map(ofImage(`${path}/${files[files.length >> 1]!}`), (of) => ({ pictures: files.length, ...of }))
  }
  if (SamplePreview.isFilm(path)) return ofFilm(source)
  return SamplePreview.soundType(path) === undefined ? ofImage(path) : ofSound(path)
}

/** The distribution of numbers: how many there are in each of the bins of equal width from the least to the most. */
export interface Distribution {
  readonly count: number
  readonly least: number
  readonly median: number
  readonly most: number
  readonly bins: ReadonlyArray<number>
}

const BINS = 16

/** The distribution of one or more numbers. */
export const distribution = (numbers: ReadonlyArray<number>): Distribution => {
  const sorted = numbers.toSorted((a, b) => a - b)
  const [count, least, most] = [sorted.length, sorted[0]!, sorted.at(-1)!]
  const median = (sorted[(count - 1) >> 1]! + sorted[count >> 1]!) / 2
  const bins = Array.from({ length: BINS }, () => 0)
  for (const x of sorted) {
    const at = most === least ? 0 : Math.min(BINS - 1, Math.floor((BINS * (x - least)) / (most - least)))
    bins[at]! += 1
  }
  return { count, least, median, most, bins }
}

/** The distributions of measures. */
export const distributions = (all: ReadonlyArray<Measures>): { readonly [measure: string]: Distribution } => {
  const names = [...new Set(all.flatMap((measures) => Object.keys(measures)))]
  const numbersOf = (name: string) =>
    all.flatMap((measures) => (Object.hasOwn(measures, name) ? [measures[name]!] : []))
  return Object.fromEntries(names.map((name) => [name, distribution(numbersOf(name))]))
}
