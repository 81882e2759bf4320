/** Films and sounds for tests: golden files with what OpenCV and librosa make of them, and ones that are written here. */
import { Safetensors } from "@igm/tensor"
import { readFileSync } from "node:fs"

const read = (name: string) => Safetensors.decode(readFileSync(new URL(`golden/${name}.safetensors`, import.meta.url)))
const tensors = { ...read("films").tensors, ...read("sounds").tensors }

/** What lies under a name. */
export const golden = (name: string) => tensors[name]!

/** Names that begin so, without their beginning. */
export const named = (kind: string): ReadonlyArray<string> =>
  Object.keys(tensors).flatMap((name) => (name.startsWith(`${kind}/`) ? [name.slice(kind.length + 1)] : []))

/** Frames that differ in brightness, so that each can be told from its neighbours, with stripes of colour. */
export const scene = (frames: number, width = 48, height = 32): ReadonlyArray<Uint8Array> =>
  Array.from({ length: frames }, (_, t) =>
    Uint8Array.from(
      { length: width * height * 3 },
      (_, i) => 20 + 8 * (t % 25) + (i % 3) * 6 + (i % (3 * width) < 30 ? 10 : 0)
    )
  )

/** A tone in [−1, 1]. */
export const tone = (samples: number, step: number): Float32Array =>
  Float32Array.from({ length: samples }, (_, t) => 0.5 * Math.sin(step * t))
