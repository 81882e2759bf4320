/**
 * `npm run bench -- clips --lists FOLDER`: the most memory of processes that go through the public list of Kinetics-Sounds,
 * a thousand of its clips and all 17,396, of generated sounds and frames.
 */
import { Keyed } from "@igm/tensor"
import { Wav } from "@igm/media"
import { Console, Effect, FileSystem } from "effect"
import { execFile } from "node:child_process"
import { cpus } from "node:os"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import sharp from "sharp"

/** The options of the command. */
export interface Options {
  /** A folder with KineticSound-my_train.txt and KineticSound-my_test.txt. */
  readonly lists: string
  readonly repeats: number
}

const FEW = 1000
const FRAMES = 4
const SPLITS = ["train", "test"] as const
const child = fileURLToPath(new URL("clips.child.ts", import.meta.url))

/** A tenth of a second of noise, and a small picture of noise: no two clips have the same. */
const media = async (clip: string) => {
  const stream = Keyed.stream(["clip", clip])
  const samples = Float32Array.from({ length: 800 }, () => stream.uniform() - 0.5)
  const data = Uint8Array.from({ length: 16 * 12 * 3 }, () => Keyed.below(stream, 256))
  const raw = { width: 16, height: 12, channels: 3 } as const
  return { sound: Wav.encode({ rate: 8000, samples }), picture: await sharp(data, { raw }).jpeg().toBuffer() }
}

/** Writes the first rows of the lists, at most so many in all, and their media. */
const write = Effect.fnUntraced(function* (lists: string, root: string, most: number) {
  const fs = yield* FileSystem.FileSystem
  let left = most
  for (const split of SPLITS) {
    const name = `KineticSound-my_${split}.txt`
    const rows = (yield* fs.readFileString(`${lists}/${name}`)).split(/\r?\n/).filter((row) => row.trim() !== "")
    const taken = rows.slice(0, split === "train" && most < Infinity ? Math.round(0.85 * most) : left)
    left -= taken.length
    yield* fs.writeFileString(`${root}/${name}`, taken.join("\n"))
    yield* fs.makeDirectory(`${root}/${split}_wav`)
    yield* Effect.forEach(
      taken,
      Effect.fnUntraced(function* (row) {
        const [clip] = row.split(",") as [string]
        const { sound, picture } = yield* Effect.promise(() => media(clip))
        yield* fs.writeFile(`${root}/${split}_wav/${clip}.wav`, sound)
        const folder = `${root}/${split}_img/Image-01-FPS/${clip}`
        yield* fs.makeDirectory(folder, { recursive: true })
        for (let i = 0; i < FRAMES; i++) yield* fs.writeFile(`${folder}/${i}.jpg`, picture)
      }),
      { concurrency: 8, discard: true }
    )
  }
})

interface Went {
  readonly clips: number
  /** The resident memory after the first thousand clips of a modality, and after the last one. */
  readonly resident: { readonly [modality: string]: { readonly early: number; readonly late: number } }
  readonly most: number
  readonly seconds: number
}

const through = (root: string) =>
  Effect.promise(async (): Promise<Went> => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      "--disable-warning=ExperimentalWarning",
      child,
      root
    ])
    return JSON.parse(stdout) as Went
  })

/** Measures and prints. */
export const run = Effect.fnUntraced(function* ({ lists, repeats }: Options, json: boolean) {
  const fs = yield* FileSystem.FileSystem
  const [few, all] = [yield* fs.makeTempDirectoryScoped(), yield* fs.makeTempDirectoryScoped()]
  yield* Console.error(`${cpus()[0]?.model}, ${cpus().length} processors; writing the clips`)
  yield* write(lists, few, FEW)
  yield* write(lists, all, Infinity)
  const turns: Array<readonly [Went, Went]> = []
  for (let i = 0; i < repeats; i++) turns.push([yield* through(few), yield* through(all)])
  if (json) return yield* Console.log(JSON.stringify({ turns }))
  for (const [few, many] of turns) {
    const told = [few, many].map(
      ({ clips, most, seconds }) => `${clips} clips: ${(most / 1e6).toFixed(0)} MB in ${seconds.toFixed(0)} s`
    )
    yield* Console.log(`${told.join("; ")}; ratio ${(many.most / few.most).toFixed(3)}`)
    for (const [modality, { early, late }] of Object.entries(many.resident)) {
      const [first, last] = [early, late].map((bytes) => `${(bytes / 1e6).toFixed(0)} MB`)
      yield* Console.log(
        `  ${modality}: ${first} after 1000 of them, ${last} after all; ratio ${(late / early).toFixed(3)}`
      )
    }
  }
}, Effect.scoped)
