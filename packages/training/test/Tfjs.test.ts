/** The TensorFlow.js engine against the float64 reference, on each backend that this machine has. */
import { assert, describe, it } from "@effect/vitest"
import { Float64, Head, Igm, Ops, Optimizer, Sharpness, Step, Tape } from "@igm/gradient"
import { Keyed, Tensor } from "@igm/tensor"
import { InterpreterLaws, Law } from "@igm/testing"
import { getThreadsCount } from "@tensorflow/tfjs-backend-wasm"
import { engine as core, env } from "@tensorflow/tfjs-core"
import { Effect, Fiber, Layer, Stream } from "effect"
import { tmpdir } from "node:os"
import { Draws, EngineError, HeadTrainer, Interpreter, Program, Reference, StepFingerprints } from "../src/index.ts"
import * as Tfjs from "../src/tfjs/Tfjs.ts"
import type * as TfjsBackend from "../src/tfjs/TfjsBackend.ts"
import { job, options } from "./fixtures.ts"

type Hosts = Ops.Named<Tensor.Tensor>
type Compute = <T>(ops: Ops.Ops<T>, values: Ops.Named<T>) => Ops.Named<T>

/** Random tensors, the same ones for the same name. */
const random = (name: string) => {
  const stream = Keyed.stream(["tfjs", name])
  const tensor = (shape: ReadonlyArray<number>, number: () => number): Tensor.Tensor<"float64"> =>
    Tensor.float64(shape, Float64Array.from({ length: Tensor.sizeOf(shape) }, number))
  return {
    numbers: (...shape: ReadonlyArray<number>) => tensor(shape, () => Keyed.normal(stream)),
    positive: (...shape: ReadonlyArray<number>) => tensor(shape, () => 0.5 + stream.uniform()),
    /** Halves between −1 and 1, of which some are equal. */
    halves: (...shape: ReadonlyArray<number>) => tensor(shape, () => Keyed.below(stream, 5) / 2 - 1),
    indices: (...shape: ReadonlyArray<number>) =>
      Tensor.int32(
        shape,
        Int32Array.from({ length: Tensor.sizeOf(shape) }, () => Keyed.below(stream, 9))
      )
  }
}

const { numbers, positive, halves, indices } = random("operands")

const two =
  (op: "add" | "subtract" | "multiply" | "divide" | "gather"): Compute =>
  (ops, { a, b }) => ({ y: ops[op](a!, b!) })
const one =
  (op: "sqrt" | "exp" | "relu" | "logSoftmax" | "sumSquares" | "flatten"): Compute =>
  (ops, { a }) => ({ y: ops[op](a!) })

/** Each operation of `Ops`, with the operands that it is tried on. */
const cases: ReadonlyArray<readonly [name: string, compute: Compute, ...operands: ReadonlyArray<Hosts>]> = [
  ["scalar", (ops, { a }) => ({ y: ops.scalar(-2.5), z: ops.add(a!, ops.scalar(3)) }), { a: numbers(2, 3) }],
  ...[false, true].flatMap((transA) =>
    [false, true].map((transB) => {
      const [a, b] = [transA ? [5, 4] : [4, 5], transB ? [3, 5] : [5, 3]]
      const compute: Compute = (ops, { a, b, c }) => ({
        y: ops.gemm(a!, b!, { transA, transB }),
        z: ops.gemm(a!, b!, { transA, transB, addend: c! })
      })
      return [
        `gemm${transA ? ", transposed" : ""} by ${transB ? "transposed" : "plain"}`,
        compute,
        { a: numbers(...a), b: numbers(...b), c: numbers(1, 3) },
        { a: numbers(...a), b: numbers(...b), c: numbers(4, 3) },
        { a: numbers(2, ...a), b: numbers(2, ...b), c: numbers(2, 1, 3) },
        { a: numbers(2, ...a), b: numbers(...b), c: numbers(1, 3) },
        { a: numbers(...a), b: numbers(2, ...b), c: numbers(4, 3) }
      ] as const
    })
  ),
  ...(["add", "subtract", "multiply", "divide"] as const).map(
    (op) =>
      [
        op,
        two(op),
        { a: numbers(3, 4), b: positive(3, 4) },
        { a: numbers(3, 4), b: positive(1, 4) },
        { a: numbers(3, 1), b: positive(1, 4) },
        { a: numbers(1, 1), b: positive(3, 4) },
        { a: numbers(2, 3, 4), b: positive(2, 1, 1) },
        { a: numbers(2, 3, 4), b: positive(1, 4) },
        { a: numbers(1, 1), b: positive(2, 3, 4) },
        { a: numbers(2, 3, 1), b: positive(3, 4) }
      ] as const
  ),
  ["sqrt", one("sqrt"), { a: positive(3, 4) }, { a: positive(2, 3, 4) }],
  ["exp", one("exp"), { a: numbers(3, 4) }, { a: numbers(2, 3, 4) }],
  ["relu", one("relu"), { a: numbers(3, 4) }, { a: numbers(2, 3, 4) }],
  ...(["greater", "equal"] as const).map((op) => {
    const compute: Compute = (ops, { a, b, c, d }) => ({ y: ops.where(ops[op](a!, b!), c!, d!) })
    return [
      `where ${op}`,
      compute,
      { a: halves(3, 4), b: halves(3, 4), c: numbers(3, 4), d: numbers(3, 4) },
      { a: halves(3, 4), b: numbers(1, 1), c: numbers(3, 4), d: numbers(1, 1) },
      { a: halves(1, 1), b: halves(1, 1), c: numbers(3, 4), d: numbers(1, 4) },
      { a: halves(3, 1), b: halves(3, 1), c: numbers(3, 4), d: numbers(1, 1) },
      { a: halves(2, 3, 4), b: halves(2, 3, 4), c: numbers(2, 3, 4), d: numbers(1, 1) },
      { a: halves(2, 1, 1), b: halves(1, 1), c: numbers(3, 4), d: numbers(2, 3, 1) }
    ] as const
  }),
  ["logSoftmax", one("logSoftmax"), { a: numbers(3, 4) }, { a: numbers(2, 3, 4) }],
  ...(["rows", "columns", "all"] as const).map((over) => {
    const compute: Compute = (ops, { a }) => ({ y: ops.sum(a!, over) })
    return [`sum of ${over}`, compute, { a: numbers(3, 4) }, { a: numbers(2, 3, 4) }] as const
  }),
  ["sumSquares", one("sumSquares"), { a: numbers(3, 4) }, { a: numbers(2, 3, 4) }],
  ...(["rows", "columns"] as const).map((along) => {
    const compute: Compute = (ops, { a, b }) => ({ y: ops.concat([a!, b!, a!], along), z: ops.concat([b!], along) })
    const of = (a: ReadonlyArray<number>, b: ReadonlyArray<number>) => ({
      a: numbers(...a, 3, 3),
      b: numbers(...b, 3, 3)
    })
    return [`concat along ${along}`, compute, of([], []), of([2], [2]), of([2], []), of([], [2])] as const
  }),
  [
    "concat of many",
    (ops, { a }) => ({
      y: ops.concat(
        Array.from({ length: 20 }, (_, i) => ops.multiply(a!, ops.scalar(i))),
        "columns"
      )
    }),
    { a: numbers(1, 1) },
    { a: numbers(3, 1, 1) }
  ],
  [
    "split",
    (ops, { a }) => Object.fromEntries(ops.split(a!, [1, 3, 2]).map((part, i) => [`y${i}`, part])),
    { a: numbers(3, 6) },
    { a: numbers(2, 3, 6) }
  ],
  ["flatten", one("flatten"), { a: numbers(3, 4) }, { a: numbers(2, 3, 4) }],
  [
    "gather",
    two("gather"),
    { a: numbers(9, 4), b: indices(5) },
    { a: numbers(9, 4), b: indices(2, 5) },
    { a: numbers(9, 4), b: indices(1, 5) },
    { a: numbers(2, 9, 4), b: indices(5) },
    { a: numbers(2, 9, 4), b: indices(2, 5) }
  ]
]

const worst = (found: Hosts, expected: Hosts): number => {
  const deviations = Object.entries(expected).flatMap(([name, tensor]) => {
    const [is, be] = [Tensor.toFloat64(Ops.get(found, name)), Tensor.toFloat64(tensor)]
    assert.deepStrictEqual(is.shape, be.shape)
    return Array.from(be.data, (x, i) => Math.abs(x - is.data[i]!) / Math.max(1, Math.abs(x)))
  })
  return Math.max(...deviations)
}

/** How many tensors there are. */
const tensors = (): number => core().state.numTensors

const tracesOf = ({ trace }: Interpreter.BlockOutput): Hosts =>
  Ops.mapNamed(trace, (numbers) => Tensor.float64([numbers.length], numbers))

/** Why this machine has no engine on a backend, if so; all have one on the processor. */
const absence = (backend: TfjsBackend.Backend): Promise<string | undefined> => {
  const open = Effect.scoped(Tfjs.engine({ backend }))
  return Effect.runPromise(
    open.pipe(
      Effect.as(undefined),
      Effect.catch(({ problem }) => Effect.succeed(problem))
    )
  )
}

const backends: ReadonlyArray<readonly [TfjsBackend.Backend, absence: string | undefined]> = [
  ["cpu", undefined],
  ["wasm", undefined],
  ["webgpu", await absence("webgpu")],
  ["node", await absence("node")]
]

const STEPS = 18
const BATCH = 5
const head = Head.make(8, 6, 4, 3)

/** A block of a variant of the step, with steps for two breaths. */
const blockOf = (variant: Pick<Step.Variant, "mixup" | "sharpness">) => {
  const { numbers, positive, indices } = random("block")
  const optimizer: Optimizer.Sgd = { kind: "sgd", rate: 0.01, momentum: 0.9, weightDecay: 0.01 }
  const modified = [true, true, true]
  const step = Step.make({ depth: 3, batch: BATCH, optimizer: "sgd", modified, rule: null, ...variant })
  const settings = { ...Optimizer.inputs(optimizer), rate: optimizer.rate, rho: 0.01, share: 0.3 }
  const input: Interpreter.BlockInput = {
    state: { ...Head.init(head, ["tfjs"]), ...Optimizer.start(optimizer, Head.shapes(head)) },
    inputs: {
      X: numbers(9, 8),
      Y: Float64.ops.exp(Float64.ops.logSoftmax(numbers(9, 3))),
      XP: numbers(9, 8),
      P2: Float64.ops.multiply(numbers(6, 6), Float64.ops.scalar(0.2)),
      P3: Float64.ops.multiply(numbers(4, 4), Float64.ops.scalar(0.2)),
      ...Ops.mapNamed(settings, Float64.ops.scalar)
    },
    draws: {
      steps: STEPS,
      values: { rows: indices(STEPS, BATCH), partners: indices(STEPS, BATCH), lambda: positive(STEPS, 1, 1) }
    }
  }
  return { program: Program.ofStep(step, { ...input, draws: input.draws.values }), input }
}

const variants = {
  paper: { mixup: false, sharpness: Sharpness.paper },
  code: { mixup: true, sharpness: Sharpness.code }
} as const

/** WebGPU may be a slow imitation on the processor. */
const runs = { cpu: 20, wasm: 20, webgpu: 2, node: 20, "node-gpu": 20 }

for (const [backend, absent] of backends) {
  const opened = Tfjs.engine({ backend })
  const why = absent === undefined ? "" : ` (skipped: ${absent})`

  describe.skipIf(absent !== undefined)(`Tfjs on ${backend}${why}`, { concurrent: false, timeout: 300_000 }, () => {
    it.effect("each operation computes what it computes in float64, on matrices and on stacks", () =>
      Effect.gen(function* () {
        const engine = yield* opened
        for (const [name, compute, ...operands] of cases) {
          for (const hosts of operands) {
            const program = Program.make(name, Tape.record(Object.keys(hosts), compute))
            const found = yield* engine.map(program, hosts)
            const expected = yield* Reference.engine.map(program, hosts)
            const shapes = Object.values(hosts).map(({ shape }) => shape.join("×"))
            assert.isBelow(worst(found, expected), 1e-5, `${name} of ${shapes.join(" and ")}`)
          }
        }
      })
    )

    it.effect("steps agree with float64; partitions give the same bits; a stack steps as its heads do", () =>
      Effect.gen(function* () {
        const laws = [
          InterpreterLaws.agrees(backend, 1e-4),
          InterpreterLaws.partitions(backend),
          InterpreterLaws.stacks(backend, 1e-5)
        ]
        for (const law of laws) yield* Law.holds(law, { runs: runs[backend] })
      }).pipe(Effect.provide(Interpreter.Interpreter.layer(opened)))
    )

    for (const [name, variant] of Object.entries(variants)) {
      it.effect(
        `a block of the ${name}'s steps agrees with float64, and in two parts or traced has the same bits`,
        () =>
          Effect.gen(function* () {
            const engine = yield* opened
            const { program, input } = blockOf(variant)
            const expected = yield* Reference.engine.block(program, input)
            const whole = yield* engine.block(program, input)
            assert.isBelow(worst(whole.state, expected.state), 1e-4)
            assert.isBelow(worst(tracesOf(whole), tracesOf(expected)), 1e-4)
            const first = yield* engine.block(program, { ...input, draws: Draws.part(input.draws, 0, 7) })
            const rest = { ...input, state: first.state, draws: Draws.part(input.draws, 7) }
            const second = yield* engine.block(program, rest)
            assert.deepStrictEqual(second.state, whole.state)
            assert.deepStrictEqual([...first.trace["loss"]!, ...second.trace["loss"]!], [...whole.trace["loss"]!])
            const { fingerprints, ...traced } = yield* engine.block(program, { ...input, traced: true })
            assert.deepStrictEqual(traced, whole)
            assert.deepStrictEqual(
              Ops.mapNamed(fingerprints!, (prints) => prints.at(-1)),
              StepFingerprints.fingerprints(whole.state, "float32")
            )
          })
      )
    }

    it.effect("tensors are let go: after blocks, in a lane, after an interruption, and with the scope", () =>
      Effect.gen(function* () {
        const { program, input } = blockOf(variants.code)
        const start = tensors()
        yield* Effect.scoped(
          Effect.gen(function* () {
            const engine = yield* opened
            for (let i = 0; i < 3; i++) {
              yield* engine.block(program, input)
              assert.strictEqual(tensors(), start)
            }
            const alone = yield* engine.block(program, input)
            for (let i = 0; i < 2; i++) {
              const inputs = { ...input.inputs, rate: Float64.ops.scalar(0.01) }
              assert.deepStrictEqual(yield* engine.block(program, { ...input, inputs }, { id: 1 }), alone)
              assert.strictEqual(tensors(), start + Object.keys(inputs).length)
            }
            yield* engine.close({ id: 1 })
            assert.strictEqual(tensors(), start)
            const fiber = yield* Effect.forkChild(engine.block(program, input), { startImmediately: true })
            yield* Effect.yieldNow
            yield* Fiber.interrupt(fiber)
            assert.strictEqual(tensors(), start)
            assert.deepStrictEqual(yield* engine.block(program, input, { id: 2 }), alone)
          })
        )
        assert.strictEqual(tensors(), start)
      })
    )

    it.effect("engines of two backends, at work at once, do not disturb each other", () =>
      Effect.gen(function* () {
        const [engine, other] = [yield* opened, yield* Tfjs.engine({ backend: backend === "cpu" ? "wasm" : "cpu" })]
        const { program, input } = blockOf(variants.paper)
        const alone = [yield* engine.block(program, input), yield* other.block(program, input)]
        const calls = [engine, other, engine, other].map(({ block }) => block(program, input))
        const found = yield* Effect.all(calls, { concurrency: "unbounded" })
        assert.deepStrictEqual(found, [...alone, ...alone])
      })
    )

    it.effect("a method trains as it does in float64", () =>
      Effect.gen(function* () {
        const train = HeadTrainer.use((trainer) =>
          Stream.runCollect(trainer.train(Igm.code(options(1e-3)), job(1)))
        ).pipe(Effect.map((events) => events.flatMap((e) => (e.kind === "trained" ? [e.weights] : []))[0]!))
        const trained = (it: Layer.Layer<Interpreter.Interpreter, EngineError>) =>
          train.pipe(Effect.provide(HeadTrainer.layerInterpreter.pipe(Layer.provide(it))))
        const found = yield* trained(Interpreter.Interpreter.layer(opened))
        assert.isBelow(worst(found, yield* trained(Reference.layer)), 1e-4)
      })
    )

    it.effect("draws of rows that a table does not have are an error, and so are shapes that do not fit", () =>
      Effect.gen(function* () {
        const engine = yield* opened
        const { program, input } = blockOf(variants.paper)
        const { X, ...inputs } = input.inputs
        const short = { ...inputs, X: Tensor.takeRows(X!, [0, 1, 2]) }
        const rows = yield* Effect.flip(engine.block(program, { ...input, inputs: short }))
        assert.match(rows.message, /draw.rows asks for row \d of input.X, which has 3$/)
        const thin = { ...inputs, X: numbers(9, 7) }
        const shapes = yield* Effect.flip(engine.block(program, { ...input, inputs: thin }))
        assert.match(shapes.message, new RegExp(`^tfjs \\(${backend}\\), step .*: running it failed: `))
        yield* engine.block(program, input)
      })
    )
  })
}

describe("Tfjs", () => {
  it.effect("wasm runs in one thread, with SIMD, and says on what", () =>
    Effect.gen(function* () {
      const { info } = yield* Tfjs.engine({ backend: "wasm" })
      assert.strictEqual(getThreadsCount(), 1)
      assert.isTrue(env().getBool("WASM_HAS_SIMD_SUPPORT"))
      assert.include(info, { engine: "tfjs", device: "wasm", precision: "float32", threads: 1 })
      assert.deepStrictEqual(info.versions, { tfjs: "4.22.0" })
    })
  )

  for (const backend of ["node", "node-gpu"] as const) {
    const name = `@tensorflow/tfjs-${backend}`

    it.effect(`${backend} without its package is an error that says how to install it`, () =>
      Effect.gen(function* () {
        yield* Effect.acquireRelease(
          Effect.sync(() => process.env["IGM_TFJS_NODE"]),
          (before) =>
            Effect.sync(() => {
              if (before === undefined) delete process.env["IGM_TFJS_NODE"]
              else process.env["IGM_TFJS_NODE"] = before
            })
        )
        process.env["IGM_TFJS_NODE"] = tmpdir()
        const error = yield* Effect.flip(Tfjs.engine({ backend }))
        assert.instanceOf(error, EngineError)
        assert.include(error.message, `tfjs (${backend}), opening: ${name} is not in ${tmpdir()}`)
        assert.include(error.message, `\`npm install --no-save ${name}@4.22.0\``)
      })
    )
  }
})
