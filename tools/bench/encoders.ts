/**
 * `npm run bench -- encoders`: encoders alone, against onnxruntime in Python on the same file and against the original in
 * eager PyTorch; from image files to stored features, against a DataLoader and the original; and the memory that it takes
 * for few and for many samples. All sides are measured in turns.
 */
import { Encoder, EncoderRuntime, FeatureStore } from "@igm/encoders"
import { ImageInput, MediaDecoder, type Source } from "@igm/media"
import { ArtifactStore, Progress } from "@igm/io"
import { Digest, Tensor } from "@igm/tensor"
import { Console, Effect, FileSystem, Layer } from "effect"
import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { arch, cpus } from "node:os"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import * as Networks from "./Networks.ts"
import * as Peer from "./Peer.ts"
import * as Photos from "./Photos.ts"
import * as Timing from "./Timing.ts"
import { type Row, asked, inTurns, lines, time } from "./Turns.ts"

/** The options of the command. */
export interface Options {
  readonly python: string
  /** A folder with the original of I3D. */
  readonly i3d: string
  readonly repeats: number
  /** Repeats of the part on memory. */
  readonly memories: number
  readonly parts: ReadonlyArray<string>
  readonly networks: ReadonlyArray<string>
  readonly threads: number
}

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** The default options. */
export const defaults: Options = {
  python: here("../reference/.venv/bin/python"),
  i3d: here("../reference/I3D"),
  repeats: 20,
  memories: 5,
  parts: ["model", "files", "memory"],
  networks: Object.keys(Networks.networks),
  threads: 2
}

/** The largest error over the largest magnitude that is taken for the same features. */
const SAME = 1e-4

/** That both sides have the same features, for nothing else is worth comparing. */
const agreement = (ours: ArrayLike<number>, theirs: ArrayLike<number>) => {
  const largest = Array.from(theirs).reduce((most, x) => Math.max(most, Math.abs(x)), 0)
  const off = Array.from(ours).reduce((most, x, i) => Math.max(most, Math.abs(x - theirs[i]!)), 0) / largest
  return ours.length === theirs.length && off <= SAME
    ? Effect.succeed(off)
    : Effect.die(new Error(`the sides do not compute the same: they differ by ${off}`))
}

const PYTORCH = [1, 2] as const

/** The ratio of the peer's faster number of threads to ours. */
const toFaster = (seconds: Row["seconds"], ours: string): Row["ratios"] => {
  const [faster] = Object.entries(seconds)
    .filter(([who]) => who.startsWith("PyTorch"))
    .toSorted(([, a], [, b]) => Timing.median(a) - Timing.median(b))
  return faster === undefined ? {} : { [`${faster[0]} / ours`]: Timing.ratio(faster[1], seconds[ours]!) }
}

/** An encoder alone. */
const model = Effect.fnUntraced(function* (
  { repeats, threads }: Options,
  peer: Peer.Peer | undefined,
  name: Networks.Name
) {
  const fs = yield* FileSystem.FileSystem
  const runtime = yield* EncoderRuntime
  const network = Networks.networks[name]
  const encoder = yield* Networks.write(name, yield* fs.makeTempDirectoryScoped())
  const session = yield* runtime.open(name, encoder.file, { threads })
  const batch = Networks.batch(name)
  const { features } = yield* session.run(batch)
  let off: number | undefined
  if (peer !== undefined) {
    const request = { do: "open", name, file: encoder.file, inputs: network.inputs }
    const answer = yield* Effect.promise(() => peer.ask(request))
    off = yield* agreement(Tensor.toFloat64(features!).data, answer["features"] as ReadonlyArray<number>)
  }
  const python = `onnxruntime in Python, ${threads} threads`
  const theirs = (on: string, threads: number) => asked(peer!, { do: "model", on, threads })
  const seconds = yield* inTurns(
    repeats,
    {
      ours: time(session.run(batch)),
      ...(peer === undefined
        ? {}
        : {
            [python]: theirs("onnxruntime", threads),
            ...Object.fromEntries(PYTORCH.map((n) => [`PyTorch, ${n} thread${n === 1 ? "" : "s"}`, theirs("torch", n)]))
          })
    },
    "slow" in network ? 0 : 1
  )
  const row: Row = {
    name: `${name}, batch ${network.batch}, ${threads} threads`,
    seconds,
    ratios: {
      ...(seconds[python] === undefined
        ? {}
        : { [`${python} / ours`]: Timing.ratio(seconds[python], seconds["ours"]!) }),
      ...toFaster(seconds, "ours")
    },
    notes: {
      "samples per second": network.batch / Timing.median(seconds["ours"]!),
      ...(off === undefined ? {} : { "largest difference of the features": off })
    }
  }
  return row
}, Effect.scoped)

const PHOTOS = 512
const BATCH = 32

/** Image files to stored features of ResNet18: the whole, and its two halves each by itself. */
const files = Effect.fnUntraced(function* ({ repeats, threads }: Options, peer: Peer.Peer | undefined) {
  const fs = yield* FileSystem.FileSystem
  const runtime = yield* EncoderRuntime
  const folder = yield* fs.makeTempDirectoryScoped()
  const encoder = yield* Networks.write("resnet18", folder)
  const paths = yield* Effect.promise(() =>
    Promise.all(Array.from({ length: PHOTOS }, (_, i) => Photos.write(folder, i)))
  )
  const { place, settings } = ImageInput.imagenet
  const decode = yield* MediaDecoder.use(({ threads }) => threads(place!))
  const alone = (source: Source) => Effect.scoped(decode(source))
  const sources = paths.map((path) => ({ path }))
  const samples = yield* Effect.forEach(paths, (path) => Effect.map(fs.readFile(path), Digest.ofBytes))
  const request = {
    encoder,
    label: "photographs",
    preprocessing: settings,
    samples,
    load: (i: number) => decode(sources[i]!),
    batch: BATCH,
    threads
  }
  /** Into a store of its own, so that everything is encoded. */
  const whole = Effect.scoped(
    Effect.gen(function* () {
      const store = ArtifactStore.layer(yield* fs.makeTempDirectoryScoped())
      return yield* FeatureStore.encode(request).pipe(Effect.provide(Layer.fresh(store)))
    })
  )
  const { features } = yield* whole
  const context = yield* Effect.context<Effect.Services<typeof whole>>()

  const decoded = yield* Effect.forEach(sources, (source) => decode(source), { concurrency: 4 })
  const { encode } = yield* Encoder.open(encoder, { threads, apart: true })
  const batches = Array.from({ length: PHOTOS / BATCH }, (_, i) =>
    Tensor.stack(decoded.slice(i * BATCH, (i + 1) * BATCH) as [Tensor.Tensor<"float32">])
  )
  let off: number | undefined
  if (peer !== undefined) {
    const { inputs } = Networks.networks.resnet18
    yield* Effect.promise(() => peer.ask({ do: "open", name: "resnet18", file: encoder.file, inputs }))
  }
  const theirs = (threads: number) => ({ do: "files", folder, batch: BATCH, workers: 2, threads })
  if (peer !== undefined) {
    const answer = yield* Effect.promise(() => peer.ask(theirs(2)))
    // Their JPEG decoder is another one.
    const all = answer["features"] as ReadonlyArray<number>
    off = Math.max(...features.data.map((x, i) => Math.abs(x - all[i]!))) / Math.max(...all.map(Math.abs))
  }
  const seconds = yield* inTurns(
    repeats,
    {
      ours: time(Effect.provideContext(whole, context)),
      "ours, decoding alone": time(Effect.forEach(sources, alone, { concurrency: 4, discard: true })),
      "ours, encoding alone": time(Effect.forEach(batches, encode, { concurrency: 2, discard: true })),
      ...(peer === undefined
        ? {}
        : Object.fromEntries(
            PYTORCH.map((n) => [`PyTorch, 2 workers, ${n} thread${n === 1 ? "" : "s"}`, asked(peer, theirs(n))])
          ))
    },
    0
  )
  const halves = ["ours, decoding alone", "ours, encoding alone"] as const
  const slower = halves.toSorted((a, b) => Timing.median(seconds[b]!) - Timing.median(seconds[a]!))[0]!
  const row: Row = {
    name: `${PHOTOS} JPEG files to features of resnet18, batch ${BATCH}, ${threads} threads`,
    seconds,
    ratios: { ...toFaster(seconds, "ours"), [`ours / ${slower}`]: Timing.ratio(seconds["ours"]!, seconds[slower]!) },
    notes: {
      "images per second": PHOTOS / Timing.median(seconds["ours"]!),
      device: runtime.info.device,
      ...(off === undefined ? {} : { "largest difference of the features": off })
    }
  }
  return row
}, Effect.scoped)

const COUNTS = [1000, 20_000] as const
const child = fileURLToPath(new URL("encoders.child.ts", import.meta.url))

/** A process that encodes so many samples: the most bytes that it held, and how long it took. */
const alone = (count: number, folder: string) =>
  Effect.promise(async () => {
    const args = ["--disable-warning=ExperimentalWarning", child, String(count), folder]
    const { stdout } = await promisify(execFile)(process.execPath, args)
    return JSON.parse(stdout) as { readonly most: number; readonly seconds: number }
  })

/** The memory of processes that encode few and many samples, in turns. */
const memory = Effect.fnUntraced(function* (repeats: number) {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  yield* Effect.promise(() => Promise.all(Array.from({ length: 64 }, (_, i) => Photos.write(folder, i))))
  const turns = yield* Effect.forEach(Array.from({ length: repeats }), () =>
    Effect.forEach(COUNTS, (count) => alone(count, folder))
  )
  const [few, many] = COUNTS.map((_, i) => turns.map((turn) => turn[i]!.most))
  const lines = COUNTS.map((count, i) => {
    const [most, seconds] = [turns.map((turn) => turn[i]!.most / 1e6), turns.map((turn) => turn[i]!.seconds)]
    const [low, high] = [Math.min(...most), Math.max(...most)].map((x) => x.toFixed(0))
    const name = `${count.toLocaleString("en")} samples`
    return `  ${name.padEnd(40)} ${Timing.median(most).toFixed(0)} MB [${low}, ${high}], in ${Timing.median(seconds).toFixed(0)} s`
  })
  const ratio = Timing.ratio(many!, few!)
  return {
    turns,
    ratio,
    lines: [
      "",
      `the most memory of a process that encodes JPEG files, ${repeats} times`,
      ...lines,
      `  ${`${COUNTS[1].toLocaleString("en")} / ${COUNTS[0].toLocaleString("en")}`.padEnd(52)} ${Timing.show(ratio, 3)}`
    ]
  }
}, Effect.scoped)

const startPeer = ({ python, i3d }: Options) =>
  Effect.acquireRelease(
    existsSync(python)
      ? Effect.promise(() => Peer.start(python, "bench_encoders.py", ["--i3d", i3d]))
      : Effect.as(Console.error(`no peer: it needs ${python} (see tools/reference/README.md)`), undefined),
    (peer) => Effect.sync(() => peer?.quit())
  )

const isKnown = (name: string): name is Networks.Name => Object.hasOwn(Networks.networks, name)

/** Runs the benchmark. */
export const run = Effect.fn("bench.encoders")(function* (options: Options, json: boolean) {
  const { parts, repeats, networks } = options
  const needsPeer = parts.includes("model") || parts.includes("files")
  const peer = needsPeer ? yield* startPeer(options) : undefined
  const { version, provider } = (yield* EncoderRuntime).info
  const info = {
    node: process.version,
    processor: `${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores, ${arch()}`,
    onnxruntime: `${version} (${provider})`,
    peer: peer?.info ?? null,
    repeats
  }
  if (!json) yield* Console.log(JSON.stringify(info))
  const rows: Array<Row> = []
  const done = (row: Row) => {
    rows.push(row)
    return json ? Effect.void : Console.log(lines(row).join("\n"))
  }
  if (parts.includes("model")) {
    for (const name of networks.filter(isKnown)) yield* done(yield* model(options, peer, name))
  }
  if (parts.includes("files")) yield* done(yield* files(options, peer))
  const held = parts.includes("memory") ? yield* memory(options.memories) : undefined
  if (json)
    yield* Console.log(JSON.stringify({ ...info, rows, memory: held?.turns ?? null, ratio: held?.ratio ?? null }))
  else if (held !== undefined) yield* Console.log(held.lines.join("\n"))
}, Effect.scoped)

/** The layers that the benchmark runs on. */
export const layer = Layer.mergeAll(
  EncoderRuntime.layerCpu,
  MediaDecoder.layerWith({ threads: 2 }),
  Progress.layerSilent
)
