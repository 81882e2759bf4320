/** Every number that a program sets, given everything that is a number in the language. */
import { assert, describe, it } from "@effect/vitest"
import { AvDigits, DigitEncoders } from "@igm/av-digits"
import {
  Baselines,
  GradientBlending,
  Head,
  Igm,
  JointTraining,
  type Method,
  Mla,
  ReconBoost,
  Ring,
  Selection
} from "@igm/gradient"
import { Digest, Name, Setting } from "@igm/tensor"
import { Schema } from "effect"
import { Experiment, Space, Tuned } from "../src/index.ts"

type Widths = { readonly audio: 128; readonly image: 128 }

const head = Head.make(128, 16, 10)
const ring = Ring.make(["audio", "image"], { rounds: 1, epochs: { audio: 2, image: 2 } })
const options = {
  heads: { audio: head, image: head },
  ring,
  selection: Selection.best("accuracy"),
  batch: 4,
  rho: 1e-10
}
const sgd = { kind: "sgd", rate: 0.01, momentum: 0.9, weightDecay: 1e-4 } as const
const adam = { kind: "adam", rate: 1e-3, betas: [0.9, 0.99], epsilon: 1e-8, weightDecay: 0 } as const
const step = { kind: "step", size: 4, factor: 0.1, early: true } as const
const warmUp = { kind: "warm-up", epochs: 2, from: 0.3, early: true } as const
const plateau = { kind: "plateau", factor: 0.1, patience: 2, threshold: 1e-3 } as const

const perDigit = { train: 2, valid: 1, test: 1 }
const dataset = AvDigits.make({ seed: 1, speech: { kind: "synthetic" }, perDigit })

const parts = {
  title: "Numbers of all kinds",
  dataset,
  encoders: { audio: DigitEncoders.audio, image: DigitEncoders.image },
  compared: [],
  seeds: [1] as readonly [number]
}

/** A comparison that is checked. */
const compare = (given: Experiment.Comparison<Widths>) => {
  Experiment.comparison(given)
  return given
}

const by = (method: Method.Method<Widths>) => compare({ ...parts, methods: [method] })
const igm = (changed: Partial<Igm.Options<typeof options.heads>>) => by(Igm.paper({ ...options, ...changed }))
const code = (switches: Igm.Switches<"audio" | "image">) => by(Igm.code({ ...options, switches }))
const ringOf = (rounds: number, audio: number) =>
  igm({ ring: Ring.make(["audio", "image"], { rounds, epochs: { audio, image: 2 } }) })
const tuned = (tau: Space.Space[string], changed: { readonly [setting: string]: unknown } = {}) =>
  compare({
    ...parts,
    methods: [Tuned.make({ space: { tau }, method: ({ tau }) => Igm.paper({ ...options, tau: Number(tau) }) })],
    tuning: { trials: 3, folds: 3, by: "accuracy", ...changed }
  })
const taus = Space.values([0.1, 0.4])

/** Programs with one number open, by the name that an error has for it. */
const programs: { readonly [setting: string]: (n: number) => unknown } = {
  batch: (n) => igm({ batch: n }),
  tau: (n) => igm({ tau: n }),
  rho: (n) => igm({ rho: n }),
  "rho.image": (n) => igm({ rho: { audio: 0, image: n } }),
  rounds: (n) => ringOf(n, 2),
  "epochs.audio": (n) => ringOf(1, n),
  "ring.rounds": (n) => igm({ ring: { ...ring, rounds: n } }),
  "optimizer.rate": (n) => igm({ optimizer: { ...sgd, rate: n } }),
  "optimizer.momentum": (n) => igm({ optimizer: { ...sgd, momentum: n } }),
  "optimizer.weightDecay": (n) => igm({ optimizer: { ...sgd, weightDecay: n } }),
  "optimizer.betas[1]": (n) => igm({ optimizer: { ...adam, betas: [0.9, n] } }),
  "optimizer.epsilon": (n) => igm({ optimizer: { ...adam, epsilon: n } }),
  "switches.mixup.image": (n) => code({ mixup: { image: n } }),
  "switches.sharpness.share": (n) => code({ sharpness: { share: n } }),
  "switches.schedule.size": (n) => code({ schedule: { ...step, size: n } }),
  "switches.schedule.factor": (n) => code({ schedule: { ...plateau, factor: n } }),
  "switches.schedule.patience": (n) => code({ schedule: { ...plateau, patience: n } }),
  "switches.schedule.threshold": (n) => code({ schedule: { ...plateau, threshold: n } }),
  "switches.schedule.epochs": (n) => code({ schedule: { ...warmUp, epochs: n } }),
  "switches.schedule.from": (n) => code({ schedule: { ...warmUp, from: n } }),
  "widths[1]": (n) => igm({ heads: { ...options.heads, audio: Head.make(128, n, 10) as typeof head } }),
  "heads.audio.widths[1]": (n) => igm({ heads: { ...options.heads, audio: { ...head, widths: [128, n, 10] } } }),
  "seeds[0]": (n) => compare({ ...parts, methods: [Baselines.lateFusion(options)], seeds: [n] }),
  count: (n) => compare({ ...parts, methods: [Baselines.lateFusion(options)], views: { count: n, seed: 1, of: {} } }),
  seed: (n) => compare({ ...parts, methods: [Baselines.lateFusion(options)], views: { count: 1, seed: n, of: {} } }),
  "perDigit.train": (n) =>
    AvDigits.make({ seed: 1, speech: { kind: "synthetic" }, perDigit: { ...perDigit, train: n } }),
  folds: (n) => tuned(taus, { folds: n }),
  trials: (n) => tuned(taus, { trials: n }),
  from: (n) => tuned(Space.log(n, 0.5)),
  to: (n) => tuned(Space.log(1e-3, n)),
  alpha: (n) => by(JointTraining.ogmGe(options, { alpha: n })),
  "loss.weight": (n) => by(ReconBoost.make(options, { loss: { form: "residual", weight: n } })),
  rectify: (n) => by(ReconBoost.make(options, { rectify: n })),
  probeEpochs: (n) => by(GradientBlending.make(options, { probeEpochs: n }))
}
const others: typeof programs = {
  "seeds[0]": (n) => tuned(taus, { seeds: [n] }),
  from: (n) => tuned(Space.integer(n, 3)),
  alpha: (n) => by(Mla.make({ head, ring, selection: options.selection, batch: 4, alpha: n })),
  batch: (n) => by(Baselines.alone({ ...options, batch: n }, "audio")),
  seed: (n) => AvDigits.make({ seed: n, speech: { kind: "synthetic" }, perDigit })
}
const all = [...Object.entries(programs), ...Object.entries(others)]

const SPECIAL = [
  NaN,
  Infinity,
  -Infinity,
  0,
  -0,
  -1,
  -5,
  0.5,
  1.5,
  -1e-3,
  5e-324,
  1e30,
  1e300,
  -1e300,
  2 ** 53,
  2 ** 60
] as const

/** Whether a program is refused in a typed error that names the number, or is a configuration that can be written down. */
const isToldOrSound = (setting: string, program: (n: number) => unknown, n: number): boolean => {
  try {
    const made = program(n) as Partial<Experiment.Comparison<Widths>>
    const methods = Array.isArray(made.methods) ? (made.methods as ReadonlyArray<Tuned.Row<Widths>>) : []
    for (const { settings, epochs } of methods.flatMap((row) => (Tuned.isTuned(row) ? [] : [row]))) {
      assert.isTrue(Number.isSafeInteger(epochs) && epochs > 0, `${epochs} epochs`)
      const text = Digest.canonicalJson(settings)
      assert.strictEqual(Digest.canonicalJson(JSON.parse(text) as Digest.Json), text)
    }
    for (const seed of made.seeds ?? []) assert.isTrue(Number.isSafeInteger(seed) && seed >= 0)
    return true
  } catch (error) {
    assert.isTrue(
      error instanceof Setting.SettingError ||
        error instanceof Experiment.ExperimentError ||
        error instanceof Name.NameError,
      `${setting} = ${n}: ${String(error)}`
    )
    const { message } = error as Error
    assert.include(message, setting.split(/[.[]/).at(0)!, `${setting} = ${n}`)
    if (!Object.is(n, -0)) assert.include(message, String(n), message)
    return false
  }
}

describe("The numbers of a program", () => {
  it("each is refused by name where it has no meaning, and otherwise can be run and written down", () => {
    for (const [setting, program] of all) {
      const refused = new Set<number>(SPECIAL.filter((n) => !isToldOrSound(setting, program, n)))
      for (const n of [NaN, Infinity, -Infinity, -1, -1e300]) assert.isTrue(refused.has(n), `${setting} = ${n}`)
    }
  })

  it.prop(
    "so is every number that is drawn",
    { at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: all.length - 1 })), n: Schema.Number },
    ({ at, n }) => {
      const [setting, program] = all[at]!
      isToldOrSound(setting, program, n)
    }
  )

  it("τ = 0 and ρ = 0 are settings: nothing is modified, nothing perturbed", () => {
    for (const n of [0, -0]) {
      assert.isTrue(isToldOrSound("tau", programs["tau"]!, n))
      assert.isTrue(isToldOrSound("rho", programs["rho"]!, n))
    }
  })
})
