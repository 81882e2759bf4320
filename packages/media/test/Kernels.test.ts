import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { main } from "assemblyscript/asc"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as Fourier from "../src/audio/Fourier.ts"
import * as Kernels from "../src/Kernels.ts"

const { kernels } = Kernels
const pathOf = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url))

describe("Kernels", () => {
  it("are what their source compiles to", { timeout: 60_000 }, async () => {
    const files = new Map<string, Uint8Array | string>()
    const args = [pathOf("wasm/kernels.ts"), "--config", pathOf("wasm/asconfig.json"), "--outFile", "kernels.wasm"]
    const { error, stderr } = await main(args, { writeFile: (name, contents) => void files.set(name, contents) })
    assert.isNull(error, stderr.toString())
    const isSame = Buffer.from(files.get("kernels.wasm")!).equals(readFileSync(pathOf("src/kernels.wasm")))
    assert.isTrue(isSame, "src/kernels.wasm is not what wasm/kernels.ts compiles to: npm run kernels makes it anew")
  })

  it.prop(
    "the transform there and back gives every signal, times its length",
    { power: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10 })), seed: Schema.Int },
    ({ power, seed }) => {
      const n = 2 ** power
      const [x, y, circle] = Kernels.regions(32 * n, 32 * n, 8 * n)
      const signals = Float32Array.from({ length: 8 * n }, (_, i) => Math.sin(i * i + seed))
      Kernels.put(x, signals)
      Kernels.put(circle, Float32Array.from(Fourier.circle(n)))
      const waves = kernels.fft32(x, y, n, circle, 0, 16)
      const back = kernels.fft32(waves, waves === x ? y : x, n, circle, 16, 0)
      Kernels.floats(back, 8 * n).forEach((value, i) => assert.closeTo(value / n, signals[i]!, 1e-5))
    }
  )

  it.prop(
    "the logarithm is within two units in the last place",
    { x: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1e6 })) },
    ({ x }) => {
      const [at] = Kernels.regions(16)
      Kernels.put(at, Float32Array.of(x, x / 1e3, x / 1e6, x / 1e9))
      const sums = Array.from(Kernels.floats(at, 4), (value) => Math.fround(value + Math.fround(1e-7)))
      kernels.logarithms(at, 4, 1e-7)
      Kernels.floats(at, 4).forEach((got, i) => {
        const want = Math.log(sums[i]!)
        assert.closeTo(got, want, 2 ** -22 * Math.abs(want) + 2 ** -26)
      })
    }
  )
})
