/**
 * `npm run bench -- decode`: from files of sound, pictures and film to the tensors of encoders, in two threads, against a
 * PyTorch DataLoader with two workers that does what the released code does. Both sides are warm and make batches.
 */
import {
  ClipInput,
  ImageInput,
  LogStft,
  MediaDecoder,
  MediaFile,
  type Preprocess,
  type Source,
  type Tensors,
  Wav
} from "@igm/media"
import { Keyed, Memory, Safetensors, type Tensor } from "@igm/tensor"
import { Console, Effect, FileSystem, type Scope } from "effect"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { join } from "node:path"
import * as Peer from "./Peer.ts"
import * as Photos from "./Photos.ts"
import * as Timing from "./Timing.ts"
import { type Row, asked, inTurns, lines, time } from "./Turns.ts"

/** The options of the command. */
export interface Options {
  readonly python: string
  readonly repeats: number
  readonly parts: ReadonlyArray<string>
}

const WORKERS = 2

interface Kind {
  readonly files: number
  readonly batch: number
  readonly preprocess: Preprocess<Tensor.Tensor<"float32">>
  /** Writes file i of a folder. */
  readonly write: (folder: string, i: number) => Effect.Effect<Source, unknown, MediaDecoder>
  /** The largest root of the mean square of differences that is taken for the same tensors, and of what they are. */
  readonly same: number
  readonly of?: (x: number) => number
}

/** Speech-like sound of CREMA-D's rate: tones that glide, under a slow envelope, and noise. */
const sound = (i: number): Wav.Sound => {
  const stream = Keyed.stream(["bench sound", i])
  const samples = new Float32Array(16_000 * 2.5)
  let phase = 0
  for (let t = 0; t < samples.length; t++) {
    phase += (2 * Math.PI * (120 + 40 * Math.sin(t / 3000 + i))) / 16_000
    const voice = Math.sin(phase) + 0.5 * Math.sin(2 * phase) + 0.3 * Math.sin(5 * phase)
    samples[t] = 0.2 * Math.sin(t / 2500) ** 2 * voice + 0.01 * (stream.uniform() - 0.5)
  }
  return { rate: 16_000, samples }
}

const [WIDTH, HEIGHT, FRAMES] = [320, 240, 180]

/** A film of NVGesture's size, whose range lies where the ranges of that data set do: waves that move, and grain. */
const film = (i: number): MediaFile.Media => {
  const grain = Uint8Array.from({ length: 4096 }, (_, k) => (k * 2_654_435_761) >>> 28)
  const frames = Array.from({ length: FRAMES }, (_, t) => {
    const data = new Uint8Array(WIDTH * HEIGHT * 3)
    for (let y = 0, at = 0; y < HEIGHT; y++) {
      for (let x = 0; x < WIDTH; x++, at += 3) {
        const wave = 100 + 60 * Math.sin((x + 3 * t) / 23) + 40 * Math.cos((y - 2 * t + i) / 17)
        data[at] = wave + grain[(at + 7 * t) & 4095]!
        data[at + 1] = 0.7 * wave + grain[(at + 5 * t) & 4095]!
        data[at + 2] = 0.4 * wave + y / 4
      }
    }
    return data
  })
  return { pictures: { width: WIDTH, height: HEIGHT, rate: 30, frames, codec: "libx264" } }
}

const kinds: { readonly [kind: string]: Kind } = {
  audio: {
    files: 480,
    batch: 16,
    preprocess: LogStft.inputs.cremaD,
    write: (folder, i) => {
      const path = join(folder, `${i}.wav`)
      return Effect.as(
        Effect.sync(() => writeFileSync(path, Wav.encode(sound(i)))),
        { path }
      )
    },
    // The logarithms of what is as good as nothing differ, above the Nyquist frequency of the file.
    same: 1e-3,
    of: Math.exp
  },
  image: {
    files: 512,
    batch: 32,
    preprocess: ImageInput.imagenet,
    write: (folder, i) =>
      Effect.map(
        Effect.promise(() => Photos.write(folder, i)),
        (path) => ({ path })
      ),
    // Their JPEG decoder is another one.
    same: 0.02
  },
  video: {
    files: 12,
    batch: 4,
    preprocess: ClipInput.still.released,
    write: (folder, i) => {
      const path = join(folder, `${i}.avi`)
      return Effect.as(MediaFile.write(path, film(i)), { path, frames: [80, 160] as const })
    },
    same: 1e-6
  }
}

/** The default options. */
export const defaults = { repeats: 15, parts: Object.keys(kinds) } as const

/** The root of the mean square of differences, where it is small enough. */
const agreement = (ours: Float32Array, theirs: Float32Array, { same, of = (x) => x }: Kind) => {
  const sum = ours.reduce((all, x, i) => all + (of(x) - of(theirs[i]!)) ** 2, 0)
  const off = Math.sqrt(sum / ours.length)
  return ours.length === theirs.length && off <= same
    ? Effect.succeed(off)
    : Effect.die(new Error(`the sides do not compute the same: they differ by ${off}`))
}

/** All sources, decoded and put into batches, whose memory is used again as it is where they are encoded. */
const epoch = (
  decode: (source: Source) => Effect.Effect<Tensors, unknown, Scope.Scope>,
  sources: ReadonlyArray<Source>,
  batch: number
) => {
  const pool = Memory.pool()
  const batches = new Map<number, { readonly data: Float32Array; missing: number }>()
  const take = (tensors: Tensors, i: number) => {
    const { data } = tensors as Tensor.Tensor<"float32">
    const number = Math.floor(i / batch)
    const size = batch * data.length
    const one = batches.get(number) ?? { data: new Float32Array(pool.take(4 * size), 0, size), missing: batch }
    one.data.set(data, (i % batch) * data.length)
    one.missing--
    batches.set(number, one)
    if (one.missing === 0) {
      batches.delete(number)
      pool.give(one.data.buffer)
    }
  }
  return Effect.forEach(sources, (source, i) => Effect.scoped(Effect.map(decode(source), (one) => take(one, i))), {
    concurrency: 2 * WORKERS,
    discard: true
  })
}

const measure = Effect.fnUntraced(function* ({ repeats }: Options, peer: Peer.Peer | undefined, name: string) {
  const kind = kinds[name]!
  const { files, batch, preprocess, write } = kind
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  const sources = yield* Effect.forEach(
    Array.from({ length: files }, (_, i) => i),
    (i) => write(folder, i)
  )
  const decode = yield* MediaDecoder.use(({ threads }) => threads(preprocess.place!))
  const once = epoch(decode, sources, batch)
  let off: number | undefined
  if (peer !== undefined) {
    const first = join(folder, "first.safetensors")
    const asList = sources.map(({ path, frames = [] }) => [path, ...frames])
    yield* Effect.promise(() => peer.ask({ do: "open", kind: name, sources: asList, batch, workers: WORKERS, first }))
    const { tensors } = Safetensors.decode(readFileSync(first))
    const ours = (yield* decode(sources[0]!)) as Tensor.Tensor<"float32">
    off = yield* agreement(ours.data, tensors["first"]!.data as Float32Array, kind)
  }
  const theirs = `PyTorch, ${WORKERS} workers`
  const seconds = yield* inTurns(
    repeats,
    { ours: time(once), ...(peer === undefined ? {} : { [theirs]: asked(peer, { do: "run" }) }) },
    0
  )
  const row: Row = {
    name: `${name}: ${files} files, batches of ${batch}, ${WORKERS} threads`,
    seconds,
    ratios: peer === undefined ? {} : { [`${theirs} / ours`]: Timing.ratio(seconds[theirs]!, seconds["ours"]!) },
    notes: {
      "files per second": files / Timing.median(seconds["ours"]!),
      ...(off === undefined ? {} : { "root mean square of differences": off })
    }
  }
  return row
}, Effect.scoped)

const startPeer = (python: string) =>
  Effect.acquireRelease(
    existsSync(python)
      ? Effect.promise(() => Peer.start(python, "bench_decode.py", []))
      : Effect.as(Console.error(`there is no ${python}: only our side is measured`), undefined),
    (peer) => Effect.sync(() => peer?.quit())
  )

/** Threads as many as the peer has. */
export const layer = MediaDecoder.layerWith({ threads: WORKERS })

/** Measures and prints. */
export const run = Effect.fnUntraced(function* (options: Options, json: boolean) {
  const peer = yield* startPeer(options.python)
  yield* Console.error(`${cpus()[0]?.model}, ${cpus().length} processors, ${JSON.stringify(peer?.info ?? {})}`)
  const rows: Array<Row> = []
  for (const part of options.parts) {
    const row = yield* measure(options, peer, part)
    rows.push(row)
    if (!json) yield* Effect.forEach(lines(row), (line) => Console.log(line))
  }
  if (json) yield* Console.log(JSON.stringify({ peer: peer?.info, rows }))
}, Effect.scoped)
