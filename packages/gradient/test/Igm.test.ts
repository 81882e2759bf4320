import { assert, describe, it } from "@effect/vitest"
import {
  Baselines,
  type Features,
  GradientBlending,
  Head,
  Igm,
  type Method,
  Mla,
  Ring,
  Selection
} from "../src/index.ts"

const heads = { audio: Head.make(512, 256, 64, 10), image: Head.make(128, 256, 64, 10) }
const ring = Ring.make(["audio", "image"], { rounds: 2, epochs: { audio: 3, image: 2 } })
const options = { heads, ring, batch: 12, rho: { audio: 1e-10, image: 1e-15 } }

describe("Igm", () => {
  it("takes turns in a ring: each is modified by the one before, the first by nobody", () => {
    assert.deepStrictEqual(Igm.turnsOf(ring), [
      { head: "audio", epochs: 3 },
      { head: "image", epochs: 2, after: "audio" },
      { head: "audio", epochs: 3, after: "image" },
      { head: "image", epochs: 2, after: "audio" }
    ])
    const three = Ring.make(["a", "b", "c"], { rounds: 2, epochs: { a: 1, b: 1, c: 1 } })
    assert.deepStrictEqual(
      Igm.turnsOf(three).map(({ after }) => after),
      [undefined, "a", "b", "c", "a", "b"]
    )
  })

  it("gives every method the same epochs for each modality", () => {
    const fair = { ...options, selection: Selection.best("accuracy") }
    assert.strictEqual(Igm.paper(fair).epochs, 10)
    assert.strictEqual(Baselines.lateFusion(fair).epochs, 10)
    assert.strictEqual(Baselines.jointHead(fair).epochs, 6)
    assert.strictEqual(Baselines.alone(fair, "image").epochs, 4)
  })

  it("refuses heads that tell different numbers of classes apart", () => {
    const wrong = {
      ...options,
      heads: { ...heads, image: Head.make(128, 64, 7) },
      selection: Selection.best("accuracy")
    }
    assert.throws(() => Igm.paper(wrong), "10, 7 outputs")
  })

  it("an experiment that cannot work does not compile", () => {
    const onValid = Igm.paper({ ...options, selection: Selection.best("accuracy") })
    const onTest = Igm.code({ ...options, selection: Selection.onTestAsReleased })
    const widths = <D extends Features.Dims>(method: Method.Method<D>): Method.Method<D> => method
    widths<{ audio: 512; image: 128 }>(onValid)
    // @ts-expect-error a 512-wide head cannot take 128-wide features
    widths<{ audio: 128; image: 128 }>(onValid)
    // @ts-expect-error a method that selects on the test split is not one that selects on the validation split
    widths<{ audio: 512; image: 128 }>(onTest)
    // @ts-expect-error the split to select on cannot be set to test
    const selection: Selection.Selection<"valid"> = { on: "test", by: "accuracy" }
    const twice = "order is a list: give two or more modalities, none of them twice"
    // @ts-expect-error a modality cannot be its own predecessor
    assert.throws(() => Ring.make(["audio", "audio"], { rounds: 1, epochs: { audio: 1 } }), twice)
    // @ts-expect-error a ring has at least two modalities
    assert.throws(() => Ring.make(["audio"], { rounds: 1, epochs: { audio: 1 } }), twice)
    // @ts-expect-error every modality of the ring has its epochs
    assert.throws(() => Ring.make(["audio", "image"], { rounds: 1, epochs: { audio: 1 } }), "epochs.image is missing")
    // @ts-expect-error G-Blending takes its weights from the validation split, and cannot be given the test split
    GradientBlending.make({ ...options, selection: Selection.onTestAsReleased })
    const mixed = { ...options, selection: Selection.best("accuracy") }
    assert.throws(
      // @ts-expect-error mixup is of the modalities that there are
      () => Igm.code({ ...mixed, switches: { mixup: { smell: 1 } } }),
      "IGM (code): switches.mixup.smell is 1: there is no such setting"
    )
    // @ts-expect-error a switch that does not exist
    const typo: Igm.Switches = { mixUp: { audio: 1 } }
    assert.strictEqual(Object.keys(typo).length, 1)
    const shared = { head: Head.make(512, 10), ring, batch: 12, selection: Selection.best("accuracy") }
    widths<{ audio: 512; image: 512 }>(Mla.make(shared))
    // @ts-expect-error the modalities of a shared head have features of one width
    widths<{ audio: 512; image: 128 }>(Mla.make(shared))
    assert.strictEqual(onTest.selectsOn, "test")
    assert.strictEqual(selection.on, "test")
  })
})
