/** Laws of jointly trained heads, for any balance and for each balance of `@igm/gradient`. */
import { Balances, Float64, Head, JointStep, Ops } from "@igm/gradient"
import { Tensor } from "@igm/tensor"
import { Schema } from "effect"
import { Batch, type Scene, matrix, sceneOf } from "../Cases.ts"
import { above, relative, relatives, worst } from "../Distance.ts"
import * as Law from "../Law.ts"
import * as Oracle from "../Oracle.ts"
import { differences, finite, isSmooth } from "./StepLaws.ts"

const { ops } = Float64

type Matrix = Float64.Matrix
type Named<A> = Ops.Named<A>

/** Two or three heads on a batch with the same labels. */
export const Heads = Schema.Struct({
  ...Batch.fields,
  second: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 6 })),
  three: Schema.Boolean
})

/** The scenes of the heads, by name; all have the first one's labels. */
export const scenesOf = ({ second, three, ...of }: typeof Heads.Type): Named<Scene> => {
  const first = sceneOf(of)
  const other = (n: number, features: number): Scene => ({
    ...sceneOf({ ...of, seed: of.seed + n, features }),
    y: first.y
  })
  return { audio: first, video: other(1, second), ...(three ? { touch: other(2, 3) } : {}) }
}

/** A constructor of steps: `JointStep.make`, or an implementation under test. */
export type MakeStep = (variant: JointStep.Variant) => ReturnType<typeof JointStep.make>

const numbers = { rate: 0, momentum: 0, weightDecay: 0, alpha: 0.5 }

/** Recovers the gradients that a step follows, by head and parameter, and its loss. */
const followed = (
  make: MakeStep,
  balance: JointStep.Balance,
  scenes: Named<Scene>,
  more: Named<number> = {},
  noise: Named<Matrix> = {}
) => {
  const heads = Ops.mapNamed(scenes, ({ head }) => head)
  const [first] = Object.values(scenes)
  const step = make({ heads, batch: first!.x.shape[0]!, optimizer: "sgd", balance })
  const state = Object.entries(scenes).flatMap(([name, { parameters }]) =>
    Object.entries(parameters).flatMap(([p, w]) => [
      [JointStep.at(name, p), w] as const,
      [JointStep.at(name, `velocity.${p}`), Tensor.zeros(w.shape)] as const
    ])
  )
  const outcome = step.run(ops, {
    state: Object.fromEntries(state),
    inputs: Ops.mapNamed({ ...numbers, ...more }, ops.scalar),
    reads: {
      y: first!.y,
      ...Object.fromEntries(Object.entries(scenes).map(([name, { x }]) => [`x/${name}`, x])),
      ...noise
    },
    draws: {}
  })
  const gradients = Ops.mapNamed(scenes, ({ parameters }, name) =>
    Ops.mapNamed(parameters, (_, p) => Ops.get(outcome.state, JointStep.at(name, `velocity.${p}`)))
  )
  return { gradients, loss: outcome.trace["loss"]!.data[0]! }
}

/** L_sum of the heads with one head's parameters at other values. */
const lossOfSum = (scenes: Named<Scene>, name?: string, at?: Named<Matrix>): number => {
  const logits = Object.entries(scenes).map(([n, { parameters, x }]) =>
    Oracle.logitsOf(n === name && at !== undefined ? at : parameters, x)
  )
  return Oracle.crossEntropy(logits.reduce(ops.add), Object.values(scenes)[0]!.y)
}

/** ∂L_sum and ∂L_own of each head, by the oracle's back-propagation. */
const bothOf = (scenes: Named<Scene>) => {
  const [first] = Object.values(scenes)
  const sum = Object.values(scenes)
    .map(({ parameters, x }) => Oracle.logitsOf(parameters, x))
    .reduce(ops.add)
  const delta = Oracle.deltaOf(sum, first!.y)
  return Ops.mapNamed(scenes, ({ parameters, x, y }) => ({
    sum: Oracle.backPropagated(parameters, x, delta),
    own: Oracle.gradientsOf(parameters, x, y)
  }))
}

const flat = (tensors: Named<Matrix>): ReadonlyArray<number> =>
  Object.values(tensors).flatMap(({ data }) => Array.from(data))
const dot = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number =>
  a.reduce((total, x, i) => total + x * b[i]!, 0)
const scaled = (tensors: Named<Matrix>, by: number): Named<Matrix> =>
  Ops.mapNamed(tensors, (t) => ops.multiply(t, ops.scalar(by)))

/** Tests whether one of two gradients is negligible beside the other, by their squared norms. */
const isNothing = (gg: number, uu: number): boolean => Math.min(gg, uu) < 1e-8 * Math.max(gg, uu)

/** s_m, from the definition. */
const confidencesOf = (scenes: Named<Scene>): Named<number> =>
  Ops.mapNamed(scenes, ({ parameters, x, y }) => {
    const p = ops.exp(ops.logSoftmax(Oracle.logitsOf(parameters, x)))
    return p.data.reduce((total, q, i) => total + q * y.data[i]!, 0)
  })

/** k_m, from the definition. */
const coefficientsOf = (scenes: Named<Scene>, alpha: number): Named<number> => {
  const s = confidencesOf(scenes)
  return Ops.mapNamed(s, (own, name) => {
    const others = Object.entries(s).flatMap(([n, x]) => (n === name ? [] : [x]))
    const ratio = own / (others.reduce((a, b) => a + b, 0) / others.length)
    return ratio > 1 ? 2 / (1 + Math.exp(2 * alpha * ratio)) : 1
  })
}

/** The scenes with other heads than the first certain, so that its own loss and the sum's pull apart. */
const pulledApart = (plain: Named<Scene>): Named<Scene> => {
  const [first] = Object.keys(plain)
  return Ops.mapNamed(plain, (scene, name) =>
    name === first
      ? scene
      : { ...scene, parameters: Ops.mapNamed(scene.parameters, (w) => ops.multiply(w, ops.scalar(-8))) }
  )
}

/** MMPareto tensor by tensor on the layers but the last, from the definition; `null` where rounding decides. */
const paretoByTensor = (
  sum: Named<Matrix>,
  own: Named<Matrix>,
  depth: number,
  factor: number
): Named<Matrix> | null => {
  const hidden = Object.keys(sum).filter((p) => Head.layerOf(p) < depth)
  const chosen = (of: Named<Matrix>) => flat(Object.fromEntries(hidden.map((p) => [p, Ops.get(of, p)])))
  const [g, u] = [chosen(sum), chosen(own)]
  const [gg, gu, uu] = [dot(g, g), dot(g, u), dot(u, u)]
  if (hidden.length > 0 && (isNothing(gg, uu) || Math.abs(gu) <= 1e-6 * Math.sqrt(gg * uu))) return null
  const w = gu > 0 ? 0.5 : (uu - gu) / (gg + uu - 2 * gu)
  let close = false
  const found = Ops.mapNamed(sum, (a, p) => {
    const b = Ops.get(own, p)
    const plain = Oracle.combine(a, b, (x, y) => x + y)
    if (!hidden.includes(p)) return plain
    const mixed = Oracle.combine(a, b, (x, y) => 2 * (w * x + (1 - w) * y))
    const [length, wanted] = [Oracle.norm([mixed]), Oracle.norm([plain])]
    if (length < 1e-2 * (Oracle.norm([a]) + Oracle.norm([b]))) close = true
    return ops.multiply(mixed, ops.scalar(factor * (wanted > length ? wanted / length : 1)))
  })
  return close ? null : found
}

/** The implementations under test. */
export interface Subject {
  readonly make: MakeStep
  readonly plain: JointStep.Balance
  readonly blend: JointStep.Balance
  readonly ogm: (form: Balances.OgmForm) => JointStep.Balance
  readonly mmPareto: (form: Balances.ParetoForm) => JointStep.Balance
}

const { ogmOnHeads, paretoOnHeads, paretoAsReleased } = Balances
const silent: Balances.OgmForm = { ...ogmOnHeads, noise: false }

/** The laws. */
export const laws = (subject: Partial<Subject> = {}): ReadonlyArray<Law.Law> => {
  const { make, plain, blend, ogm, mmPareto }: Subject = { make: JointStep.make, ...Balances, ...subject }
  const law = (name: string, tolerance: number, deviation: (scenes: Named<Scene>) => number) =>
    Law.make({ name: `together ${name}`, cases: Heads, tolerance, deviation: (of) => deviation(scenesOf(of)) })
  const balances = [
    plain,
    ogm(silent),
    ogm({ ...silent, tensors: "hidden weights" }),
    mmPareto(paretoOnHeads),
    mmPareto(paretoAsReleased)
  ]
  const all = (a: Named<Named<Matrix>>, b: Named<Named<Matrix>>, floor = 1e-9) =>
    worst(Object.entries(b).map(([name, tensors]) => relatives(Ops.get(a, name), tensors, floor)))
  const pareto = (scenes: Named<Scene>) =>
    Object.entries(bothOf(scenes)).map(([name, { sum, own }]) => {
      const [g, u] = [flat(sum), flat(own)]
      return { name, sum, g, u, gg: dot(g, g), gu: dot(g, u), uu: dot(u, u) }
    })
  return [
    law("blends: gradients are those of w L_sum + Σ w_m L_m, by finite differences", 1e-6, (scenes) => {
      if (!Object.values(scenes).every(isSmooth)) return 0
      const weights = Object.fromEntries(Object.keys(scenes).map((name, i) => [`weight/${name}`, 0.2 + 0.3 * i]))
      const { gradients } = followed(make, blend, scenes, { weight: 0.7, ...weights })
      const expected = Ops.mapNamed(scenes, ({ parameters, x, y }, name) =>
        differences(
          parameters,
          (at) => 0.7 * lossOfSum(scenes, name, at) + weights[`weight/${name}`]! * Oracle.lossOf(at, x, y)
        )
      )
      return all(gradients, expected, 1)
    }),
    law("records the loss of the sum", 1e-12, (scenes) => {
      const expected = lossOfSum(scenes)
      return Math.abs(followed(make, plain, scenes).loss - expected) / expected
    }),
    law("without a balance follows the loss of the sum", 1e-9, (scenes) =>
      all(
        followed(make, plain, scenes).gradients,
        Ops.mapNamed(bothOf(scenes), ({ sum }) => sum)
      )
    ),
    law(
      "OGM scales every tensor of a head by k_m = 1 − tanh(α ρ_m) where ρ_m > 1, of every head alike",
      1e-9,
      (scenes) => {
        const k = coefficientsOf(scenes, numbers.alpha)
        const expected = Ops.mapNamed(bothOf(scenes), ({ sum }, name) => scaled(sum, k[name]!))
        return all(followed(make, ogm(silent), scenes).gradients, expected)
      }
    ),
    law("OGM fires: a head that is more confident than the others is slowed, and never stopped", 0, (scenes) => {
      const k = Object.values(scenes).length < 2 ? [] : Object.values(coefficientsOf(scenes, numbers.alpha))
      const found = followed(make, ogm(silent), scenes).gradients
      const before = bothOf(scenes)
      const slowed = Object.keys(scenes).map((name, i) => {
        const [a, b] = [flat(Ops.get(found, name)), flat(Ops.get(before, name).sum)]
        if (k[i] === 1 || dot(b, b) < 1e-18) return true
        return dot(a, a) < dot(b, b) && dot(a, b) > 0
      })
      return slowed.every(Boolean) ? 0 : 1
    }),
    law(
      "OGM-GE adds N(0, std(g) + floor) to each tensor that it changes, and leaves the others alone",
      1e-7,
      (scenes) => {
        const k = coefficientsOf(scenes, numbers.alpha)
        const noise = Object.fromEntries(
          Object.entries(scenes).flatMap(([name, { head }]) =>
            Object.entries(Head.shapes(head)).map(([p, [rows, columns]]) => [
              `noise/${JointStep.at(name, p)}`,
              matrix(rows, columns, name, p)
            ])
          )
        )
        const forms: ReadonlyArray<Balances.OgmForm> = [
          ogmOnHeads,
          { noise: true, floor: 0.1, tensors: "hidden weights" },
          { noise: false, floor: 0.1, tensors: "hidden weights" }
        ]
        return worst(
          forms.map((form) => {
            const expected = Ops.mapNamed(bothOf(scenes), ({ sum }, name) =>
              Ops.mapNamed(sum, (g, p) => {
                const { depth } = Ops.get(scenes, name)
                if (form.tensors !== "all" && (!Head.isWeight(p) || Head.layerOf(p) === depth)) return g
                const n = g.data.length
                const mean = g.data.reduce((a, b) => a + b, 0) / n
                const variance = n < 2 ? 0 : g.data.reduce((total, x) => total + (x - mean) ** 2, 0) / (n - 1)
                const size = form.noise ? Math.sqrt(variance) + form.floor : 0
                const z = Ops.get(noise, `noise/${JointStep.at(name, p)}`)
                return Oracle.combine(g, z, (x, e) => k[name]! * x + size * e)
              })
            )
            return all(followed(make, ogm(form), scenes, {}, noise).gradients, expected, 1e-6)
          })
        )
      }
    ),
    law("MMPareto is the plain sum, stretched, where a head's two gradients agree", 1e-7, (scenes) => {
      const { gradients } = followed(make, mmPareto(paretoOnHeads), scenes)
      const before = bothOf(scenes)
      return worst(
        pareto(scenes).map(({ name, gg, gu, uu }) => {
          if (!(gu > 1e-9 * Math.sqrt(gg * uu))) return 0
          const { sum, own } = Ops.get(before, name)
          const expected = Ops.mapNamed(sum, (g, p) => Oracle.combine(g, Ops.get(own, p), (a, b) => 1.5 * (a + b)))
          return relatives(Ops.get(gradients, name), expected, 1e-6)
        })
      )
    }),
    law(
      "MMPareto is the shortest vector between them, stretched, where a head's two gradients disagree",
      1e-6,
      (plain) => {
        const scenes = pulledApart(plain)
        const { gradients } = followed(make, mmPareto(paretoOnHeads), scenes)
        return worst(
          pareto(scenes).map(({ name, g, u, gg, gu, uu }) => {
            if (!(gu < -1e-6 * Math.sqrt(gg * uu)) || gg * uu - gu * gu < 1e-3 * gg * uu || isNothing(gg, uu)) return 0
            const w = (uu - gu) / (gg + uu - 2 * gu)
            const between = g.map((x, i) => w * x + (1 - w) * u[i]!)
            const wanted = Math.max(Math.sqrt(gg + uu + 2 * gu), 2 * Math.sqrt(dot(between, between)))
            const stretch = (1.5 * wanted) / Math.sqrt(dot(between, between))
            return relative(
              flat(Ops.get(gradients, name)),
              between.map((x) => stretch * x)
            )
          })
        )
      }
    ),
    law(
      "MMPareto as released lengthens each tensor by itself, and leaves the last layers to the plain sum",
      1e-6,
      (plain) =>
        worst(
          [plain, pulledApart(plain)].flatMap((scenes) =>
            [1.5, 2].flatMap((factor) => {
              const { gradients } = followed(make, mmPareto({ ...paretoAsReleased, factor }), scenes)
              return Object.entries(bothOf(scenes)).map(([name, { sum, own }]) => {
                const expected = paretoByTensor(sum, own, Ops.get(scenes, name).depth, factor)
                // Gradients of saturated logits are the less exact the smaller they are.
                return expected === null ? 0 : relatives(Ops.get(gradients, name), expected, 1e-4)
              })
            })
          )
        )
    ),
    law("MMPareto opposes neither gradient, and is 1.5 times as long as their sum or longer", 1e-7, (scenes) => {
      const { gradients } = followed(make, mmPareto(paretoOnHeads), scenes)
      return worst(
        pareto(scenes).map(({ name, g, u, gg, gu, uu }) => {
          const found = flat(Ops.get(gradients, name))
          const size = Math.sqrt(dot(found, found))
          // Opposite gradients have no direction in common, and one that is nothing disagrees with nothing.
          if (isNothing(gg, uu)) return 0
          if (gu < 0 && gg * uu - gu * gu < 1e-5 * gg * uu) return 0
          if (size < 1e-9) return size === 0 && gg + uu > 1e-9 && gg + uu + 2 * gu > 1e-9 ? 1 : 0
          const least = 1.5 * Math.sqrt(Math.max(gg + uu + 2 * gu, 0))
          const against = (v: ReadonlyArray<number>, square: number) =>
            square < 1e-18 ? 0 : above(0, dot(found, v) / (size * Math.sqrt(square)))
          return Math.max(above(least / size, 1), against(g, gg), against(u, uu))
        })
      )
    }),
    // Where two gradients all but cancel, MMPareto stretches rounding by up to 1e3.
    law("does not care for the order of the heads", 1e-6, (scenes) => {
      const reversed = Object.fromEntries(Object.entries(scenes).toReversed())
      return worst(
        balances.map((balance) =>
          all(followed(make, balance, reversed).gradients, followed(make, balance, scenes).gradients)
        )
      )
    }),
    law("is finite at zero gradients, at saturated logits and at one-class batches", 0, (scenes) => {
      const zeros = Ops.mapNamed(scenes, (scene) => ({
        ...scene,
        parameters: Ops.mapNamed(scene.parameters, ({ shape }) => Tensor.zeros(shape)),
        x: Tensor.zeros(scene.x.shape),
        y: Tensor.float64(scene.y.shape, new Float64Array(scene.y.data.length).fill(1 / scene.y.shape[1]!))
      }))
      const saturated = Ops.mapNamed(scenes, (scene) => ({
        ...scene,
        parameters: Ops.mapNamed(scene.parameters, (w) => ops.multiply(w, ops.scalar(1e3)))
      }))
      const [batch, classes] = Float64.dims(Object.values(scenes)[0]!.y)
      const one = Tensor.float64(
        [batch, classes],
        Float64Array.from({ length: batch * classes }, (_, i) => Number(i % classes === 0))
      )
      const oneClass = Ops.mapNamed(scenes, (scene) => ({ ...scene, y: one }))
      return worst(
        [zeros, saturated, oneClass].flatMap((each) =>
          balances.flatMap((balance) => Object.values(followed(make, balance, each).gradients).map(finite))
        )
      )
    })
  ]
}
