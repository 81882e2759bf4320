/**
 * Prints how far decoded, resized and cropped images are from those of PIL and torchvision, by kind of image, for a
 * folder that `images.py` wrote.
 *
 *     npm run parity-images -- FOLDER
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Safetensors } from "@igm/tensor"
import { Console, Effect, FileSystem } from "effect"
import { join } from "node:path"
import { casesOf, deviations } from "../../packages/media/test/parity/images.ts"

const [folder] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  if (folder === undefined || !(yield* fs.exists(folder))) {
    return yield* Console.log("Skipped: no such folder. Make one with tools/reference/images.py FOLDER.")
  }
  const worst = new Map<string, readonly [images: number, pixels: number, transforms: number]>()
  let over = 0
  for (const file of (yield* fs.readDirectory(folder)).filter((name) => name.endsWith(".safetensors")).toSorted()) {
    for (const of of casesOf(Safetensors.decode(yield* fs.readFile(join(folder, file))))) {
      const { pixels, transforms } = yield* deviations(of)
      const kind = of.name.replace(/^\d+-\d+x\d+-/, "")
      const [images, a, b] = worst.get(kind) ?? [0, 0, 0]
      worst.set(kind, [images + 1, Math.max(a, pixels), Math.max(b, ...transforms)])
      if (Math.max(pixels, ...transforms) > 1) over++
    }
  }
  yield* Console.log("The largest difference of any pixel, of 255: as decoded, and after resize and crop.\n")
  for (const [kind, [images, pixels, transforms]] of worst) {
    yield* Console.log(`${kind.padEnd(28)} ${images} images  ${pixels}  ${transforms}`)
  }
  const total = [...worst.values()].reduce((n, [images]) => n + images, 0)
  yield* Console.log(`\n${total} images, ${over} of them off by more than 1.`)
  if (over > 0 || total === 0) process.exitCode = 1
})

await Effect.runPromise(program.pipe(Effect.provide(NodeServices.layer)))
