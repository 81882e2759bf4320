/**
 * Opens a decoder, uses it and closes it, many times, and prints in JSON what there is beside this process: before, while one
 * is open, after a few, and after all. Arguments are the folder of the media and how many times; it is run with --expose-gc.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Stream } from "effect"
import { Film, ImageInput, MediaDecoder, Sound } from "../src/index.ts"
import { grown, left } from "./left.ts"

const [folder, times] = process.argv.slice(2) as [string, string]

const picture = { path: `${folder}/a.jpg` }

/** A sound, a film and a picture in this process, and a picture in a thread as well. */
const use = Effect.fnUntraced(function* (isThreaded: boolean) {
  const { samples } = yield* Sound.read(`${folder}/a.mp3`)
  const frames = yield* Stream.runCollect(Film.frames(`${folder}/a.mp4`))
  const here = yield* ImageInput.imagenet.load(picture)
  if (samples.length === 0 || frames.length === 0) throw new Error("nothing was decoded")
  if (!isThreaded) return
  const decode = yield* MediaDecoder.use(({ threads }) => threads(ImageInput.imagenet.place!))
  const there = yield* decode(picture)
  if (there.data.toString() !== here.data.toString()) throw new Error("a thread decodes something else")
})

const once = <A>(then: Effect.Effect<A>, isThreaded: boolean) =>
  Effect.andThen(use(isThreaded), then).pipe(Effect.scoped, Effect.provide(MediaDecoder.layer))

/** A thread takes most of the time: there is one in each tenth decoder. */
const many = (count: number) =>
  Effect.forEach(
    Array.from({ length: count }, (_, i) => i),
    (i) => once(Effect.void, i % 10 === 0),
    { concurrency: 2, discard: true }
  )

const program = Effect.gen(function* () {
  const before = yield* left
  const open = yield* once(left, true)
  const few = Math.floor(Number(times) / 2)
  yield* many(few)
  const { early, late } = yield* grown(many(Number(times) - few))
  return { before, open, early, late }
})

process.stdout.write(JSON.stringify(await Effect.runPromise(program.pipe(Effect.provide(NodeServices.layer)))))
