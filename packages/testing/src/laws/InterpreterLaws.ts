/**
 * Laws of every interpreter of `Ops`: it computes what the float64 reference computes, and any partition of the steps
 * into blocks gives the same bits. Cases have a few fixed shapes, so that each program is compiled once.
 */
import { Float64, type Method, Ops, Optimizer, Step } from "@igm/gradient"
import { Keyed, Tensor } from "@igm/tensor"
import { Draws, Interpreter, Reference } from "@igm/training"
import { Effect, Schema } from "effect"
import { type Scene, Seed, features, matrix, sceneOf } from "../Cases.ts"
import { relatives, worst } from "../Distance.ts"
import * as Law from "../Law.ts"
import { variantOf, variants } from "../Scenes.ts"

const shapes = [
  { hidden: [6, 4], features: 8, classes: 3, batch: 5 },
  { hidden: [], features: 6, classes: 4, batch: 3 },
  { hidden: [5, 5, 5], features: 5, classes: 2, batch: 4 }
]
const SAMPLES = 20
const STEPS = 4

const Case = Schema.Struct({
  seed: Seed,
  shape: Schema.Literals([0, 1, 2]),
  variant: Schema.Literals(["paper", "code", "plain", "mixup"]),
  optimizer: Schema.Literals(["sgd", "adam"]),
  cut: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: STEPS - 1 }))
})

type Case = typeof Case.Type

type StepOf = (of: Case, scene: Scene) => Method.Step

/** Makes a function that gives cases of equal shape and variant the same step, so that engines build few programs. */
const stepsOf = (): StepOf => {
  const steps = new Map<string, Method.Step>()
  return ({ shape, variant, optimizer }, scene) => {
    const key = `${shape} ${variant} ${optimizer}`
    const step = steps.get(key) ?? Step.make(variantOf(scene, { ...variants[variant], optimizer }))
    steps.set(key, step)
    return step
  }
}

interface Block {
  readonly step: Method.Step
  readonly input: Interpreter.BlockInput
}

const optimizers: { readonly [kind in Case["optimizer"]]: Optimizer.Optimizer } = {
  sgd: { kind: "sgd", rate: 0.05, momentum: 0.9, weightDecay: 0.01 },
  adam: { ...Optimizer.adamAsReleased, rate: 0.01 }
}

/**
 * A block of a case: realistic features, weights, optimizer state, matrices and draws. Several heads of a case read the
 * same features and have the same matrices.
 */
const blockOf = (of: Case, stepOf: StepOf, head = 0): Block => {
  const { seed, shape, optimizer } = of
  const scene = sceneOf({ ...shapes[shape]!, seed: seed + head })
  const { batch, features: width, classes } = shapes[shape]!
  const { kind, rate, ...rest } = optimizers[optimizer]
  const X = features(SAMPLES, width, seed)
  const labels = Float64Array.from({ length: SAMPLES * classes }, (_, i) =>
    Number(i % classes === Math.floor(i / classes) % classes)
  )
  const numbers = {
    ...Optimizer.inputs({ kind, rate, ...rest } as Optimizer.Optimizer),
    rate: rate * (head + 1),
    rho: 0.05,
    share: 0.3
  }
  const stream = Keyed.stream([seed, head, "draws"])
  const indices = () =>
    Tensor.int32(
      [STEPS, batch],
      Int32Array.from({ length: STEPS * batch }, () => Keyed.below(stream, SAMPLES))
    )
  const shapesOf = Ops.mapNamed(scene.parameters, (w) => [w.shape[0]!, w.shape[1]!] as const)
  const memory = Optimizer.start(optimizers[optimizer], shapesOf)
  const projections = scene.projections.map((_, i) => {
    const z = matrix(1, scene.head.widths[i]!, seed, "direction", i)
    const size = Float64.ops.gemm(z, z, { transB: true }).data[0]!
    const d = scene.head.widths[i]!
    const rank = Float64.ops.multiply(Float64.ops.gemm(z, z, { transA: true }), Float64.ops.scalar(-0.33 / size))
    return Tensor.float64(
      [d, d],
      rank.data.map((x, at) => x + Number(at % (d + 1) === 0))
    )
  })
  return {
    step: stepOf(of, scene),
    input: {
      state: { ...scene.parameters, ...memory },
      inputs: {
        X,
        Y: Tensor.float64([SAMPLES, classes], labels),
        XP: Float64.ops.gemm(X, projections[0]!),
        ...Object.fromEntries(projections.map((p, i) => [`P${i + 1}`, p])),
        ...Ops.mapNamed(numbers, Float64.ops.scalar)
      },
      draws: {
        steps: STEPS,
        values: {
          rows: indices(),
          partners: indices(),
          lambda: Tensor.float64(
            [STEPS, 1, 1],
            Float64Array.from({ length: STEPS }, () => stream.uniform())
          )
        }
      }
    }
  }
}

/** Runs a block; an error of the interpreter is a defect, not a counter-example. */
const run = (step: Method.Step, input: Interpreter.BlockInput) =>
  Interpreter.Interpreter.use(({ block }) => block(step, input)).pipe(Effect.orDie)

const tracesOf = ({ trace }: Interpreter.BlockOutput): Ops.Named<Float64.Matrix> =>
  Ops.mapNamed(trace, (numbers) => Tensor.float64([1, numbers.length], numbers))

/** The law that an interpreter agrees with the float64 reference, within its precision. */
export const agrees = (name: string, tolerance: number): Law.Law<Interpreter.Interpreter> => {
  const stepOf = stepsOf()
  return Law.makeEffect({
    name: `${name} computes what float64 computes, over ${STEPS} steps`,
    cases: Case,
    tolerance,
    deviation: Effect.fnUntraced(function* (of: Case) {
      const { step, input } = blockOf(of, stepOf)
      const found = yield* run(step, input)
      const expected = yield* run(step, input).pipe(Effect.provide(Reference.layer))
      return worst([relatives(found.state, expected.state, 1e-3), relatives(tracesOf(found), tracesOf(expected), 1)])
    })
  })
}

/** The law that an interpreter gives the same bits for any partition of the steps into blocks. */
export const partitions = (name: string): Law.Law<Interpreter.Interpreter> => {
  const stepOf = stepsOf()
  return Law.makeEffect({
    name: `${name} gives the same bits for any partition into blocks`,
    cases: Case,
    tolerance: 0,
    deviation: Effect.fnUntraced(function* (of: Case) {
      const { step, input } = blockOf(of, stepOf)
      const whole = yield* run(step, input)
      const first = yield* run(step, { ...input, draws: Draws.part(input.draws, 0, of.cut) })
      const second = yield* run(step, { ...input, state: first.state, draws: Draws.part(input.draws, of.cut) })
      const losses = [...first.trace["loss"]!, ...second.trace["loss"]!]
      const same = losses.every((loss, i) => Object.is(loss, whole.trace["loss"]![i]))
      return worst([relatives(second.state, whole.state), same ? 0 : 1])
    })
  })
}

const HEADS = 3

/** Stacks the blocks of several heads; tables are shared. */
const stacked = (blocks: ReadonlyArray<Interpreter.BlockInput>): Interpreter.BlockInput => {
  const [first] = blocks
  const { inputs, draws } = first!
  const stack = (of: (block: Interpreter.BlockInput) => Ops.Named<Float64.Matrix>) =>
    Ops.mapNamed(of(first!), (_, name) => Float64.stack(blocks.map((block) => Ops.get(of(block), name))))
  const numbers = ({ inputs }: Interpreter.BlockInput) => Ops.mapNamed(inputs, Tensor.toFloat64)
  const { X, Y, XP, ...own } = inputs
  const shared = Object.fromEntries(Object.entries({ X, Y, XP }).map(([name, table]) => [name, table!]))
  // Step by step: steps × heads × what a head draws.
  const together = (name: string) => {
    const drawn = blocks.map((block) => Tensor.toFloat64(Ops.get<Tensor.Tensor>(block.draws.values, name)))
    const size = drawn[0]!.data.length / STEPS
    const data = new Float64Array(drawn.length * drawn[0]!.data.length)
    drawn.forEach(({ data: one }, k) => {
      for (let i = 0; i < one.length; i++) {
        data[(Math.floor(i / size) * drawn.length + k) * size + (i % size)] = one[i]!
      }
    })
    const shape = [STEPS, drawn.length, ...drawn[0]!.shape.slice(1)]
    return name === "lambda" ? Tensor.float64(shape, data) : Tensor.int32(shape, data)
  }
  return {
    state: stack(({ state }) => state),
    inputs: { ...shared, ...stack((block) => Ops.mapNamed(own, (_, name) => Ops.get(numbers(block), name))) },
    draws: { steps: STEPS, values: Ops.mapNamed(draws.values, (_, name) => together(name)) }
  }
}

/** The law that stepping several heads as one program equals stepping each alone. */
export const stacks = (name: string, tolerance: number): Law.Law<Interpreter.Interpreter> => {
  const stepOf = stepsOf()
  return Law.makeEffect({
    name: `${name} steps ${HEADS} heads as one program as it steps each alone`,
    cases: Case,
    tolerance,
    deviation: Effect.fnUntraced(function* (of: Case) {
      const blocks = Array.from({ length: HEADS }, (_, k) => blockOf(of, stepOf, k))
      const { step } = blocks[0]!
      const together = yield* run(step, stacked(blocks.map(({ input }) => input)))
      const deviations = yield* Effect.forEach(blocks, ({ input }, k) =>
        Effect.map(run(step, input), (alone) => {
          const state = Ops.mapNamed(together.state, (tensor) => Float64.layerOf(tensor, k))
          const losses = together.trace["loss"]!.filter((_, i) => i % HEADS === k)
          const expected = Tensor.float64([1, STEPS], alone.trace["loss"]!)
          return worst([
            relatives(state, alone.state, 1e-3),
            relatives({ loss: Tensor.float64([1, STEPS], losses) }, { loss: expected }, 1)
          ])
        })
      )
      return worst(deviations)
    })
  })
}
