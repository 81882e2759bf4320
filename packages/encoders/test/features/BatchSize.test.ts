/** How many samples go to a device at a time, where nobody says it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as BatchSize from "../../src/features/BatchSize.ts"
import { DigitEncoders } from "@igm/av-digits"
import { Encoder } from "../../src/index.ts"

const { name, file, digest, width } = DigitEncoders.image
const image = { name, file, digest, width }

describe("BatchSize", () => {
  it.effect("fits a device by the sizes of tensors and activations, and is the usual one on the processor", () =>
    Effect.gen(function* () {
      for (const [input, processor, device] of [
        [[1, 28, 28], 32, 256],
        // Three values of 16 × 224 × 224, some 10 MB, are in use at a time.
        [[1, 224, 224], 32, 64],
        [[3, 1024, 1024], 5, 4],
        [[1, 8192, 8192], 1, 1]
      ] as const) {
        const encoder = Encoder.make({ ...image, input })
        assert.strictEqual(yield* BatchSize.of(encoder, "cpu"), processor)
        assert.strictEqual(yield* BatchSize.of(encoder, "cuda"), device)
        assert.strictEqual(yield* BatchSize.of(encoder, "webgpu"), device)
      }
      const lost = Encoder.make({ ...image, file: "/nowhere.onnx", input: [1, 224, 224] })
      assert.strictEqual(yield* BatchSize.of(lost, "cuda"), 256)
    })
  )
})
