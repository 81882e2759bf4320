import { assert, describe, it } from "@effect/vitest"
import { Keyed, Tensor } from "@igm/tensor"
import { Float64, Head, Loss, type Method, Modification, Ops, Step } from "../src/index.ts"
import { type Case, Case as CaseSchema, build, distances, matrix } from "./cases.ts"

type Named = Ops.Named<Float64.Matrix>

const { ops } = Float64

/** Explicit gradients of the mean cross-entropy, tensor by tensor. */
const gradientsOf = (depth: number, parameters: Named, x: Float64.Matrix, y: Float64.Matrix): Named => {
  const layers = Head.layers(ops, depth, parameters)
  const pass = Head.forward(ops, layers, x)
  const deltas = Head.backward(ops, layers, pass, Loss.crossEntropy(ops, pass.logits, y, x.shape[0]!).delta)
  return Ops.mapNamed(parameters, (_, name) => {
    const i = Number(name.slice(1)) - 1
    return name.startsWith("W")
      ? ops.gemm(deltas[i]!, pass.activations[i]!, { transA: true })
      : ops.sum(deltas[i]!, "rows")
  })
}

const combine = (a: Named, b: Named, f: (x: number, y: number) => number): Named =>
  Ops.mapNamed(a, (tensor, name) => {
    const other = Ops.get(b, name)
    return Tensor.float64(
      tensor.shape,
      tensor.data.map((x, i) => f(x, other.data[i]!))
    )
  })

const norm = (tensors: ReadonlyArray<Float64.Matrix>): number =>
  Math.sqrt(tensors.flatMap(({ data }) => Array.from(data)).reduce((total, x) => total + x * x, 0))

const settings = { rate: 0.05, momentum: 0.9, weightDecay: 0.01 }
const rho = 0.3
const flatShare = 0.3

/** A step's surroundings: a batch and its partners, velocities, and a symmetric P for each layer. */
const scene = (of: Case) => {
  const { head, depth, parameters, x, y } = build(of)
  const velocities = Ops.mapNamed(parameters, (w, name) => matrix(...(w.shape as [number, number]), of.seed, "v", name))
  const projections = Array.from({ length: depth }, (_, i) => {
    const z = matrix(2, head.widths[i]!, of.seed, "P", i)
    return ops.gemm(z, z, { transA: true })
  })
  const order = Keyed.permutation(Keyed.stream([of.seed, "partners"]), of.batch)
  return { depth, parameters, velocities, projections, x, y, order, lambda: 0.3 }
}

const run = (
  { depth, parameters, velocities, projections, x, y, order, lambda }: ReturnType<typeof scene>,
  variant: Pick<Step.Variant, "mixup" | "sharpness">,
  modified: boolean
): Method.StepOutcome<Float64.Matrix> => {
  const partners = (table: Float64.Matrix) => Tensor.takeRows(table, order)
  const xP = ops.gemm(x, projections[0]!)
  const step = Step.make({ ...variant, depth, batch: x.shape[0]!, modified: projections.map(() => modified) })
  return step.run(ops, {
    state: { ...parameters, ...rename(velocities, Step.velocity) },
    inputs: {
      ...Ops.mapNamed({ ...settings, rho, flatShare }, ops.scalar),
      ...Object.fromEntries(projections.map((p, i) => [`P${i + 1}`, p]))
    },
    reads: { x, y, xP, "x.partner": partners(x), "y.partner": partners(y), "xP.partner": partners(xP) },
    draws: { lambda: ops.scalar(lambda) }
  })
}

const rename = (tensors: Named, to: (name: string) => string): Named =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [to(name), tensor]))

/** The update as PyTorch's SGD does it, from weights that the sharpness may have moved. */
const update = (start: Named, velocities: Named, gradients: Named): Named => {
  const decayed = combine(gradients, start, (g, w) => g + settings.weightDecay * w)
  const moved = combine(velocities, decayed, (v, g) => settings.momentum * v + g)
  return { ...combine(start, moved, (w, v) => w - settings.rate * v), ...rename(moved, Step.velocity) }
}

const modify = (gradients: Named, projections: ReadonlyArray<Float64.Matrix>): Named =>
  Ops.mapNamed(gradients, (g, name) =>
    name.startsWith("W") ? ops.gemm(g, projections[Number(name.slice(1)) - 1]!) : g
  )

describe("Step", () => {
  it.prop("paper: the gradient at θ + ρ ∇L/‖∇L‖, times P, with the weights restored", { of: CaseSchema }, ({ of }) => {
    const s = scene(of)
    const here = gradientsOf(s.depth, s.parameters, s.x, s.y)
    const scale = rho / norm(Object.values(here))
    const there = gradientsOf(
      s.depth,
      combine(s.parameters, here, (w, g) => w + scale * g),
      s.x,
      s.y
    )
    const expected = update(s.parameters, s.velocities, modify(there, s.projections))
    const found = run(s, { mixup: false, sharpness: "restored" }, true)
    assert.isBelow(distances(found.state, expected), 1e-9)
  })

  it.prop(
    "code: (1−f) ∇L_mix(w) + f ∇L(w′), times P, from weights that stay perturbed",
    { of: CaseSchema },
    ({ of }) => {
      const s = scene(of)
      const mix = (a: Float64.Matrix) => {
        const other = Tensor.takeRows(a, s.order)
        return Tensor.float64(
          a.shape,
          a.data.map((x, i) => s.lambda * x + (1 - s.lambda) * other.data[i]!)
        )
      }
      const here = gradientsOf(s.depth, s.parameters, mix(s.x), mix(s.y))
      const drifted = Ops.mapNamed(s.parameters, (w, name) => {
        const g = Ops.get(here, name)
        const size = norm([g])
        return Tensor.float64(
          w.shape,
          w.data.map((x, i) => x + (size > 0 ? (rho * g.data[i]!) / size : 0))
        )
      })
      const there = gradientsOf(s.depth, drifted, mix(s.x), s.y)
      const both = combine(here, there, (a, b) => (1 - flatShare) * a + flatShare * b)
      const expected = update(drifted, s.velocities, modify(both, s.projections))
      const found = run(s, { mixup: true, sharpness: "drifting" }, true)
      assert.isBelow(distances(found.state, expected), 1e-9)
    }
  )

  it.prop("without perturbation and modification it is plain SGD", { of: CaseSchema }, ({ of }) => {
    const s = scene(of)
    const expected = update(s.parameters, s.velocities, gradientsOf(s.depth, s.parameters, s.x, s.y))
    const found = run(s, { mixup: false, sharpness: "none" }, false)
    assert.isBelow(distances(found.state, expected), 1e-9)
  })

  it.prop("biases are never modified", { of: CaseSchema }, ({ of }) => {
    const s = scene(of)
    const [on, off] = [true, false].map((modified) => run(s, { mixup: false, sharpness: "restored" }, modified).state)
    for (const name of Object.keys(s.parameters).filter((name) => name.startsWith("b"))) {
      assert.deepStrictEqual(Ops.get(on!, name), Ops.get(off!, name))
    }
  })

  it("a probe measures what P = 0 removes: everything", () => {
    const s = scene({ seed: 1, hidden: [4, 3], features: 5, classes: 3, batch: 4 })
    const gone = s.projections.map((p) => ops.multiply(p, ops.scalar(0)))
    const variant = { depth: s.depth, batch: 4, mixup: false, sharpness: "none", modified: [true, true, true] } as const
    const probed = (projections: ReadonlyArray<Float64.Matrix>) =>
      Step.probe(variant).run(ops, {
        state: s.parameters,
        inputs: Object.fromEntries(projections.map((p, i) => [`P${i + 1}`, p])),
        reads: { x: s.x, y: s.y, xP: ops.gemm(s.x, projections[0]!) },
        draws: {}
      }).trace
    assert.strictEqual(Ops.get(probed(gone), "shareRemoved").data[0], 1)
    assert.strictEqual(Ops.get(probed(gone), "cosine").data[0], 0)
    const kept = s.projections.map((p) => Modification.identity(p.shape[0]!))
    assert.closeTo(Ops.get(probed(kept), "shareRemoved").data[0]!, 0, 1e-12)
    assert.closeTo(Ops.get(probed(kept), "cosine").data[0]!, 1, 1e-12)
    assert.strictEqual(Ops.get(probed(kept), "shareMoved").data[0], 0)
  })
})
