/** Laws of MLA: of its projection matrix, and of its step on a shared head. */
import { Float64, Head, Mla, Modification, Ops } from "@igm/gradient"
import { Tensor } from "@igm/tensor"
import { Schema } from "effect"
import { Batch, type Scene, Seed, matrix, rotation, sceneOf } from "../Cases.ts"
import { above, relative, relatives, worst } from "../Distance.ts"
import * as Law from "../Law.ts"
import * as Oracle from "../Oracle.ts"

const { ops } = Float64

type Matrix = Float64.Matrix

/** The function under test, by which P forgets a direction. */
export type Forget = typeof Mla.forget<Matrix>

const between = (minimum: number, maximum: number) => Schema.Finite.check(Schema.isBetween({ minimum, maximum }))

/** V diag(values) Vᵀ. */
const spread = (v: Matrix, values: ReadonlyArray<number>): Matrix =>
  ops.gemm(ops.multiply(v, Tensor.float64([1, values.length], values)), v, { transB: true })

/** The laws of the matrix. */
export const forgetLaws = (forget: Forget = Mla.forget): ReadonlyArray<Law.Law> => {
  const Case = Schema.Struct({
    seed: Seed,
    width: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 6 })),
    alpha: between(0.01, 2)
  })
  const law = (
    name: string,
    tolerance: number,
    deviation: (of: { p: Matrix; inverse: Matrix; r: Matrix; alpha: number; next: Matrix }) => number
  ) =>
    Law.make({
      name: `MLA's P ${name}`,
      cases: Case,
      tolerance,
      deviation: ({ seed, width, alpha }) => {
        const v = rotation(width, seed)
        const values = matrix(1, width, seed, "values").data.map((x) => 0.2 + 0.8 / (1 + x * x))
        const [p, inverse] = [
          spread(v, Array.from(values)),
          spread(
            v,
            Array.from(values, (x) => 1 / x)
          )
        ]
        const r = matrix(1, width, seed, "mean")
        return deviation({ p, inverse, r, alpha, next: forget(ops, p, r, ops.scalar(alpha)) })
      }
    })
  return [
    law("stays symmetric", 1e-12, ({ next }) =>
      relative(next.data, ops.gemm(next, Modification.identity(next.shape[0]!), { transA: true }).data)
    ),
    law("is recursive least squares: its inverse grows by r rᵀ/α", 1e-9, ({ inverse, r, alpha, next }) => {
      const grown = ops.add(inverse, ops.multiply(ops.gemm(r, r, { transA: true }), ops.scalar(1 / alpha)))
      const d = next.shape[0]!
      const product = ops.gemm(next, grown)
      return worst(Array.from(product.data, (x, i) => Math.abs(x - Number(i % (d + 1) === 0))))
    }),
    law("has eigenvalues from 0 to 1, and shrinks the direction that it forgets", 1e-12, ({ p, r, next }) => {
      const along = (m: Matrix) => ops.sum(ops.multiply(ops.gemm(r, m), r), "all").data[0]!
      return worst([
        ...Modification.eigenvalues(next).flatMap((x) => [above(x, 1), above(0, x)]),
        along(next) < along(p) ? 0 : 1
      ])
    })
  ]
}

/** The number |α + kᵢ rⱼ| below which the released divisor makes rounding count. */
const LEAST_DIVISOR = 1e-2

/** P after it forgot r, by the definition and in plain loops; `null` where rounding decides. */
const forgotten = (p: Matrix, r: ReadonlyArray<number>, alpha: number, form: Mla.Form): Matrix | null => {
  const d = r.length
  const k = r.map((_, a) => r.reduce((total, x, b) => total + p.data[a * d + b]! * x, 0))
  const inner = k.reduce((total, x, a) => total + x * r[a]!, 0)
  const divisor = (a: number, b: number) => alpha + (form.divisor === "number" ? inner : k[a]! * r[b]!)
  const next = p.data.map((x, at) => x - (k[Math.floor(at / d)]! * k[at % d]!) / divisor(Math.floor(at / d), at % d))
  if (p.data.some((_, at) => Math.abs(divisor(Math.floor(at / d), at % d)) < LEAST_DIVISOR)) return null
  const norm = form.normalized ? Math.hypot(...next) : 1
  return Tensor.float64(
    [d, d],
    next.map((x) => x / norm)
  )
}

/** The laws of the matrix as the released code has it, for any P. */
export const codeForgetLaws = (forget: Forget = Mla.forget): ReadonlyArray<Law.Law> => {
  const Case = Schema.Struct({
    seed: Seed,
    width: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 6 })),
    alpha: between(0.01, 2)
  })
  return [
    Law.make({
      name: "MLA's P in the released code is divided number by number by α + k rᵀ, and then by its norm",
      cases: Case,
      tolerance: 1e-9,
      deviation: ({ seed, width, alpha }) => {
        const [p, r] = [matrix(width, width, seed, "P"), matrix(1, width, seed, "mean")]
        const expected = forgotten(p, Array.from(r.data), alpha, Mla.code)
        return expected === null ? 0 : relative(forget(ops, p, r, ops.scalar(alpha), Mla.code).data, expected.data, 1)
      }
    })
  ]
}

/** A constructor of steps: `Mla.step`, or an implementation under test. */
export type MakeStep = typeof Mla.step

/** Two modalities of equal width on one head. */
const sceneOfTwo = (of: Batch): { readonly first: Scene; readonly second: Matrix } => ({
  first: sceneOf(of),
  second: matrix(of.batch, of.features, of.seed, "second")
})

const numbers = { rate: 0.05, momentum: 0.9, weightDecay: 0.01, alpha: 0.1 }

/** The forms of the projection under test, with a first step and a later one. */
const forms: ReadonlyArray<{ readonly form: Mla.Form | null; readonly first: number }> = [
  { form: Mla.paper, first: 0 },
  { form: Mla.code, first: 0 },
  { form: Mla.code, first: 1 },
  { form: { ...Mla.paper, used: "after" }, first: 0 },
  { form: null, first: 0 }
]

const run = (
  make: MakeStep,
  { first, second }: ReturnType<typeof sceneOfTwo>,
  set: typeof numbers = numbers,
  form: Mla.Form | null = Mla.paper,
  isFirst = 0
) => {
  const { head, parameters, velocities, projections, x, y } = first
  return make(head, ["audio", "video"], x.shape[0]!, "sgd", form).run(ops, {
    state: {
      ...parameters,
      ...Object.fromEntries(Object.entries(velocities).map(([k, v]) => [`velocity.${k}`, v])),
      ...Object.fromEntries(projections.map((p, i) => [`P${i + 1}`, p]))
    },
    inputs: Ops.mapNamed(set, ops.scalar),
    reads: { y, "x/audio": x, "x/video": second },
    draws: { alpha: ops.scalar(set.alpha), first: ops.scalar(isFirst) }
  }).state
}

/** The mean of the rows of a batch. */
const meanOf = (a: Matrix): ReadonlyArray<number> => {
  const [batch, d] = Float64.dims(a)
  return Array.from({ length: d }, (_, j) => {
    let total = 0
    for (let row = 0; row < batch; row++) total += a.data[row * d + j]! / batch
    return total
  })
}

/**
 * The expected result, computed plainly: G Pᵀ instead of G, SGD, and the matrices, for one modality after the other;
 * `null` where rounding decides.
 */
const expected = (
  { first, second }: ReturnType<typeof sceneOfTwo>,
  form: Mla.Form | null = Mla.paper,
  isFirst = 0
): Ops.Named<Matrix> | null => {
  let { parameters, velocities, projections } = first
  for (const [turn, x] of [first.x, second].entries()) {
    const inputs = Oracle.inputsOf(parameters, x)
    const skips = form?.skipsFirst === true && isFirst === 1 && turn === 0
    const next = projections.map((p, i) => {
      return form === null || skips ? p : forgotten(p, meanOf(inputs[i]!), numbers.alpha, form)
    })
    if (next.includes(null)) return null
    const updated = next as ReadonlyArray<Matrix>
    const used = form?.used === "after" ? updated : projections
    const transposed = used.map((p) => ops.gemm(p, Modification.identity(p.shape[0]!), { transA: true }))
    const plain = Oracle.gradientsOf(parameters, x, first.y)
    const gradients = form === null ? plain : Oracle.modify(plain, transposed)
    const after = Oracle.sgd(parameters, velocities, gradients, { ...numbers, rho: 0, share: 0 })
    projections = updated
    velocities = Ops.mapNamed(parameters, (_, name) => Ops.get(after, `velocity.${name}`))
    parameters = Ops.mapNamed(parameters, (_, name) => Ops.get(after, name))
  }
  return { ...parameters, ...Object.fromEntries(projections.map((p, i) => [`P${i + 1}`, p])) }
}

/** The laws of the step. */
export const stepLaws = (make: MakeStep = Mla.step): ReadonlyArray<Law.Law> => [
  Law.make({
    name: "MLA's step replaces G by G Pᵀ, for one modality after the other, and forgets its mean as its form says",
    cases: Batch,
    tolerance: 1e-8,
    deviation: (of) => {
      const scene = sceneOfTwo(of)
      return worst(
        forms.map(({ form, first }) => {
          const wanted = expected(scene, form, first)
          return wanted === null ? 0 : relatives(run(make, scene, numbers, form, first), wanted, 1e-6)
        })
      )
    }
  }),
  Law.make({
    name: "MLA's step fires: with P = 0 nothing of a weight's gradient is left",
    cases: Batch,
    tolerance: 1e-12,
    deviation: (of) => {
      const { first, second } = sceneOfTwo(of)
      const zero = (tensor: Matrix) => ops.multiply(tensor, ops.scalar(0))
      const still = {
        ...first,
        velocities: Ops.mapNamed(first.velocities, zero),
        projections: first.projections.map(zero)
      }
      const weights = Object.entries(first.parameters).filter(([name]) => Head.isWeight(name))
      const moved = run(make, { first: still, second }, { ...numbers, weightDecay: 0 })
      return worst(weights.map(([name, w]) => relative(Ops.get(moved, name).data, w.data)))
    }
  })
]
