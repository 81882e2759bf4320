/**
 * Damaged films, sounds and pictures: each gives what is in it or a `MediaError`, in some time, and memory stays.
 * `FUZZ=5000 npx vitest run packages/media/test/MediaFuzz.test.ts` tries so many files and says what became of them.
 */
import { assert, layer } from "@effect/vitest"
import { Keyed, Safetensors } from "@igm/tensor"
import { Effect, FileSystem, Stream } from "effect"
import { readFileSync } from "node:fs"
import { environment } from "./environment.ts"
import { golden, named, tone } from "./media.ts"
import { casesOf } from "./parity/images.ts"
import { Film, Picture, Sound, Wav, type MediaDecoder } from "../src/index.ts"

const COUNT = Number(process.env["FUZZ"] ?? 90)
const SEED = Number(process.env["FUZZ_SEED"] ?? 7)

const images = casesOf(Safetensors.decode(readFileSync(new URL("golden/images.safetensors", import.meta.url))))

type Kind = "film" | "sound" | "picture"

const files: { readonly [K in Kind]: ReadonlyArray<Uint8Array> } = {
  film: named("film").map((name) => golden(`film/${name}`).data as Uint8Array),
  sound: [
    ...named("sound").map((name) => golden(`sound/${name}`).data as Uint8Array),
    Wav.encode({ rate: 8000, samples: tone(2000, 0.1) })
  ],
  picture: images.map((of) => of.tensor("file")!.data as Uint8Array)
}

/** Bytes changed, runs of one value, parts cut out, doubled, or exchanged with another file of the kind. */
const mutated = (file: Uint8Array, other: Uint8Array, stream: Keyed.Stream): Uint8Array => {
  let bytes = Uint8Array.from(file)
  for (let n = 1 + Keyed.below(stream, 6); n > 0; n--) {
    // The beginning, which says what all the rest is, as often as all the rest.
    const at = Keyed.below(stream, stream.uniform() < 0.5 ? Math.min(bytes.length, 600) : bytes.length)
    const length = 1 + Keyed.below(stream, 64)
    switch (Keyed.below(stream, 6)) {
      case 0:
        bytes[at] = Keyed.below(stream, 256)
        break
      case 1:
        bytes[at] = bytes[at]! ^ (1 << Keyed.below(stream, 8))
        break
      case 2:
        bytes.fill([0, 255, 127, 128][Keyed.below(stream, 4)]!, at, at + 1 + Keyed.below(stream, 8))
        break
      case 3:
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + length)])
        break
      case 4:
        bytes = Uint8Array.from([...bytes.subarray(0, at + length), ...bytes.subarray(at)])
        break
      case 5:
        bytes.set(other.subarray(at, Math.min(at + length, bytes.length)), at)
    }
    if (bytes.length === 0) bytes = Uint8Array.of(0)
  }
  return bytes
}

const read: {
  readonly [K in Kind]: (
    path: string
  ) => Effect.Effect<unknown, { readonly _tag: string; readonly message: string }, FileSystem.FileSystem | MediaDecoder>
} = {
  film: (path) => Stream.runDrain(Film.frames(path)),
  sound: Sound.read,
  picture: (path) => Picture.read(path, { limit: 4_000_000 })
}

/** Memory in use, in MB: of this process, and of those that it has started, where the system tells. */
const memory = (): readonly [own: number, children: number] => {
  const megabytes = (pid: number | string) => {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1])
    return (pages * 4096) / 1e6
  }
  if (process.platform !== "linux") return [process.memoryUsage().rss / 1e6, 0]
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "utf8").trim()
  return [megabytes(process.pid), children === "" ? 0 : Math.max(...children.split(" ").map(megabytes))]
}

layer(environment, { excludeTestServices: true })("damaged media", (it) => {
  it.effect(
    `${COUNT} mutated files end no process and leave no memory behind`,
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = `${yield* fs.makeTempDirectoryScoped()}/a`
        const outcomes: Record<string, number> = {}
        const grown: Array<readonly [number, number]> = []
        for (let n = 0; n < COUNT; n++) {
          const stream = Keyed.stream(["fuzz", SEED, n])
          const kind = (["film", "sound", "picture"] as const)[n % 3]!
          const pick = () => files[kind][Keyed.below(stream, files[kind].length)]!
          yield* fs.writeFile(path, mutated(pick(), pick(), stream))
          const result = yield* Effect.result(read[kind](path))
          const outcome =
            result._tag === "Success"
              ? "read"
              : /the process that decodes it|took longer/.test(result.failure.message)
                ? `a process ended (file ${n}: ${result.failure.message.slice(path.length, path.length + 200)})`
                : result.failure._tag
          outcomes[`${kind}: ${outcome}`] = (outcomes[`${kind}: ${outcome}`] ?? 0) + 1
          if (n % Math.ceil(COUNT / 10) === 0) grown.push(memory())
        }
        grown.push(memory())
        if (COUNT >= 1000)
          console.log(
            outcomes,
            "MB of this process and of the largest other:",
            grown.map(([a, b]) => `${a.toFixed(0)} ${b.toFixed(0)}`)
          )
        assert.isTrue(Object.keys(outcomes).every((outcome) => / (read|MediaError|a process ended.*)$/s.test(outcome)))
        assert.isAbove(outcomes["film: MediaError"] ?? 0, 0)
        assert.isAbove(outcomes["picture: read"] ?? 0, 0)
        const [[own], [last, child]] = [grown[Math.floor(grown.length / 2)]!, grown.at(-1)!]
        assert.isBelow(last - own, 200)
        assert.isBelow(child, 600)
      }),
    { timeout: 3_600_000 }
  )
})
