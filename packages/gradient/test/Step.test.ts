import { assert, describe, it } from "@effect/vitest"
import { Cases, Distance, Scenes } from "@igm/testing"
import { Float64, Modification, Ops, Step } from "../src/index.ts"

const { ops } = Float64

const numbers = { rate: 0.05, momentum: 0.9, weightDecay: 0.01, rho: 0.3, share: 0.3 }

describe("Step", () => {
  it("a probe measures what P = 0 removes: everything; and what P = I removes: nothing", () => {
    const scene = Cases.sceneOf({ seed: 1, hidden: [4, 3], features: 5, classes: 3, batch: 4 })
    const probed = (f: (p: Float64.Matrix) => Float64.Matrix) =>
      Scenes.run(Step.probe, { ...scene, projections: scene.projections.map(f) }, Scenes.variants.plain, numbers).trace
    const gone = probed((p) => ops.multiply(p, ops.scalar(0)))
    assert.strictEqual(Ops.get(gone, "shareRemoved").data[0], 1)
    assert.strictEqual(Ops.get(gone, "normRatio").data[0], 0)
    assert.strictEqual(Ops.get(gone, "cosine").data[0], 0)
    const kept = probed((p) => Modification.identity(p.shape[0]!))
    assert.closeTo(Ops.get(kept, "shareRemoved").data[0]!, 0, 1e-12)
    assert.closeTo(Ops.get(kept, "normRatio").data[0]!, 1, 1e-12)
    assert.closeTo(Ops.get(kept, "cosine").data[0]!, 1, 1e-12)
    assert.strictEqual(Ops.get(kept, "shareMoved").data[0], 0)
  })

  it("projects by the factors of P = I + Lᵀ R as by P", () => {
    const plain = Cases.sceneOf({ seed: 3, hidden: [5, 4], features: 5, classes: 3, batch: 4 })
    const factors = plain.projections.map((p, i) => {
      const [left, right] = ["L", "R"].map((name) => Cases.matrix(2, p.shape[0]!, name, i))
      const P = ops.gemm(left!, right!, { transA: true, addend: Modification.identity(p.shape[0]!) })
      return { left: left!, right: right!, P }
    })
    const scene = { ...plain, projections: factors.map(({ P }) => P) }
    const step = Step.make(Scenes.variantOf(scene, Scenes.variants.code))
    const whole = Scenes.contextOf(scene, numbers)
    const { P2: _, P3: __, ...inputs } = whole.inputs
    const thin = factors
      .slice(1)
      .flatMap(({ left, right }, i) => Object.entries({ [`L${i + 2}`]: left, [`R${i + 2}`]: right }))
    const expected = step.run(ops, whole).state
    const found = step.run(ops, { ...whole, inputs: { ...inputs, ...Object.fromEntries(thin) } }).state
    for (const [name, w] of Object.entries(expected)) {
      assert.isBelow(Distance.relative(Ops.get(found, name).data, w.data), 1e-12, name)
    }
  })

  it("a probe counts the weights that a perturbation moves", () => {
    const scene = Cases.sceneOf({ seed: 1, hidden: [4, 3], features: 5, classes: 3, batch: 4 })
    const shareMoved = (rho: number) =>
      Ops.get(Scenes.run(Step.probe, scene, Scenes.variants.paper, { ...numbers, rho }).trace, "shareMoved").data[0]!
    assert.strictEqual(shareMoved(0), 0)
    assert.isAbove(shareMoved(0.1), 0.5)
    assert.isBelow(shareMoved(1e-17), 0.1)
  })

  it("with strictNaN a zero gradient turns the weights into NaN, as in the released code", () => {
    const scene = Cases.sceneOf({ seed: 1, hidden: [], features: 2, classes: 2, batch: 1 })
    const zero = Ops.mapNamed(scene.parameters, (w) => ops.multiply(w, ops.scalar(0)))
    const still = { ...scene, parameters: zero, y: ops.multiply(ops.add(scene.y, ops.scalar(1)), ops.scalar(0)) }
    const even = { ...still, y: ops.add(still.y, ops.scalar(0.5)) }
    const after = (strictNaN: boolean) => {
      const part = {
        ...Scenes.variants.code,
        mixup: false,
        sharpness: { ...Scenes.variants.code.sharpness, strictNaN }
      }
      return Ops.get(Scenes.run(Step.make, even, part, { ...numbers, momentum: 0, rate: 0 }).state, "W1").data
    }
    assert.isTrue(after(true).every(Number.isNaN))
    assert.isTrue(after(false).every(Number.isFinite))
  })
})
