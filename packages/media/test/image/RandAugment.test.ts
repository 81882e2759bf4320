import { assert, describe, it } from "@effect/vitest"
import { Keyed, Safetensors } from "@igm/tensor"
import { Schema } from "effect"
import { readFileSync } from "node:fs"
import { type Picture, RandAugment } from "../../src/index.ts"

const { tensors } = Safetensors.decode(readFileSync(new URL("../golden/randaugment.safetensors", import.meta.url)))

const pictureOf = (name: string): Picture.Picture => {
  const { shape, data } = tensors[name]!
  const [height, width] = shape as readonly [number, number, number]
  return { height, width, channels: 3, data: data as Uint8Array }
}

const cases = Object.keys(tensors)
  .filter((name) => name.includes(" "))
  .map((name) => {
    const [of, operation, amount] = name.split(" ") as [string, RandAugment.Operation, string]
    return { name, of: pictureOf(of), change: { operation, amount: Number(amount) }, want: pictureOf(name) }
  })

const farthest = (a: Uint8Array, b: Uint8Array) => a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0)

describe("RandAugment", () => {
  for (const { name, of, change, want } of cases) {
    it(`does as the released code does: ${name}`, () => {
      const got = RandAugment.apply(of, [change], { compat: ["values run over"] })
      assert.isAtMost(farthest(got.data, want.data), 1)
    })
  }

  it("values do not run over unless they are asked to: no picture turns white, no bright point dark", () => {
    const of = pictureOf("bright")
    const apply = (operation: RandAugment.Operation, amount: number) =>
      RandAugment.apply(of, [{ operation, amount }], { compat: [] }).data
    const contrast = apply("AutoContrast", 0)
    assert.strictEqual(Math.min(...contrast), 0)
    assert.strictEqual(Math.max(...contrast), 255)
    assert.isTrue(pictureOf("bright AutoContrast 0").data.every((value) => value === 255))
    const sharp = RandAugment.apply(pictureOf("picture"), [{ operation: "Sharpness", amount: 1.9 }], { compat: [] })
    const over = RandAugment.apply(pictureOf("picture"), [{ operation: "Sharpness", amount: 1.9 }], {
      compat: ["values run over"]
    })
    assert.isAbove(farthest(sharp.data, over.data), 200)
  })

  it.prop("a stream draws the same changes again", { seed: Schema.Int }, ({ seed }) => {
    const draw = () => RandAugment.draw(RandAugment.standard, Keyed.stream(["changes", seed]))
    assert.deepStrictEqual(draw(), draw())
    assert.isAtMost(draw().length, 2)
  })

  it("draws all operations equally often, each done half of the time, in both directions", () => {
    const drawn = Array.from({ length: 4000 }, (_, i) =>
      RandAugment.draw(RandAugment.standard, Keyed.stream(["often", i]))
    ).flat()
    assert.closeTo(drawn.length / 4000, 1, 0.06)
    const operations = new Map<string, number>()
    for (const { operation } of drawn) operations.set(operation, (operations.get(operation) ?? 0) + 1)
    assert.strictEqual(operations.size, 10)
    for (const count of operations.values()) assert.closeTo(count / drawn.length, 0.1, 0.025)
    const turns = drawn.filter(({ operation }) => operation === "Rotate").map(({ amount }) => amount)
    assert.deepStrictEqual(
      [...new Set(turns)].toSorted((a, b) => a - b),
      [-21, 21]
    )
  })
})
