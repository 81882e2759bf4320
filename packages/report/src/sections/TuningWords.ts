/** Sentences about the tuning of methods: the spaces, the cost, the variation of the choices, and what they leave out. */
import type { TunedMethod } from "./Tuning.ts"
import { metricTitle } from "./Scores.ts"

type Trial = TunedMethod["trials"][number]

const symbols: { readonly [name: string]: string } = { tau: "τ", rho: "ρ" }

const symbolOf = (name: string): string => (Object.hasOwn(symbols, name) ? symbols[name]! : name)

/** 0.4, but 1e-4. */
const valueWords = (value: Trial["setting"][string]): string =>
  typeof value === "number" && value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential() : String(value)

/** Writes a setting: "τ = 0.4, rate = 0.0037". */
export const settingWords = (setting: Trial["setting"]): string =>
  Object.entries(setting)
    .map(([name, value]) => `${symbolOf(name)} = ${valueWords(value)}`)
    .join(", ")

/** Writes a mean with its standard error. */
export const scoredWords = (scored: Trial["scored"]): string =>
  scored === null ? "diverged" : `${scored.mean.toFixed(3)} ± ${scored.error.toFixed(3)}`

/** Writes a difference with its sign and its standard error. */
export const differenceWords = ({
  difference,
  error
}: {
  readonly difference: number
  readonly error: number
}): string => `${difference < 0 ? "−" : "+"}${Math.abs(difference).toFixed(3)} ± ${error.toFixed(3)}`

/** The epochs that the trials of a method took, over all folds and seeds. */
export const epochsOf = ({ trials, folds, seeds }: TunedMethod): number =>
  folds.length * seeds.length * trials.reduce((epochs, trial) => epochs + trial.epochs, 0)

const counted = (n: number, of: string): string => `${n} ${of}${n === 1 ? "" : "s"}`

const spaceWords = ({ space, trials, budget }: TunedMethod): string => {
  const values = Object.entries(space).map(([name, words]) => `${symbolOf(name)} of ${words}`)
  const whole = trials.length < budget ? `, all ${counted(trials.length, "point")} of it` : ""
  return `Tried ${values.join("; ")}${whole}.`
}

/** The spread of the trials' means. */
const spreadWords = ({ trials }: TunedMethod): ReadonlyArray<string> => {
  const means = trials.flatMap(({ scored }) => (scored === null ? [] : [scored.mean])).toSorted((a, b) => a - b)
  const diverged = trials.length - means.length
  const lost = diverged === 0 ? [] : [`${counted(diverged, "trial")} diverged.`]
  if (means.length < 2) return lost
  const middle = (means[Math.floor((means.length - 1) / 2)]! + means[Math.floor(means.length / 2)]!) / 2
  const [least, median, most] = [means[0]!, middle, means.at(-1)!].map((mean) => mean.toFixed(3))
  return [`Means from ${least} to ${most}, median ${median}.`, ...lost]
}

/** A sentence that says if the scores can tell the choice from the runner-up. */
const runnerUpWords = ({ trials, runnerUp, close }: TunedMethod): string => {
  if (runnerUp === null) return "It is the only setting."
  const { place, difference, error } = runnerUp
  const other = settingWords(trials[place]!.setting)
  if (difference < 1e-9) return `The mean of ${other} is the same; the first trial is taken.`
  if (error < 1e-9) return `Ahead of ${other} by ${difference.toFixed(4)} in every fold.`
  const by = `by ${(difference / error).toFixed(1)} standard errors of the paired difference`
  if (difference > error) return `Ahead of ${other} ${by}, which is weak evidence.`
  const more = close > 1 ? `, nor from ${counted(close - 1, "other trial")}` : ""
  return `Ahead of ${other} ${by}: these folds cannot tell it from that${more}.`
}

/** The settings that single folds would have chosen. */
const foldWords = ({ trials, byFold, chosen }: TunedMethod): string => {
  const others = byFold.filter((place) => place !== chosen)
  if (others.length === 0) return "Each fold alone would have chosen it too."
  const alone = [...new Set(others)].map((place) => settingWords(trials[place]!.setting))
  const agreeing = byFold.length - others.length
  return `${agreeing === 0 ? "No fold" : `${agreeing} of ${counted(byFold.length, "fold")}`} alone would have chosen it; the rest ${alone.join(" or ")}.`
}

/** The space, the spread of the scores, and how sure the choice is. */
export const verdict = (method: TunedMethod): ReadonlyArray<string> => [
  spaceWords(method),
  ...spreadWords(method),
  runnerUpWords(method),
  ...(method.trials.length === 1 ? [] : [foldWords(method)]),
  ...(method.optimism > 5e-4
    ? [
        `For being the best of ${method.trials.length}, its mean is too high by an estimated ${method.optimism.toFixed(3)}.`
      ]
    : [])
]

const range = (numbers: ReadonlyArray<number>): string => {
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)]
  return least === most ? String(least) : `${least} to ${most}`
}

/** The origin of the numbers, and what they leave out, in a few sentences. */
export const scope = (methods: ReadonlyArray<TunedMethod>): ReadonlyArray<string> => {
  const { folds, seeds, by, budget } = methods[0]!
  const over = seeds.length === 1 ? "one seed" : `mean of ${seeds.length} seeds`
  const epochs = methods.reduce((total, method) => total + epochsOf(method), 0)
  const trials = methods.reduce((total, method) => total + method.trials.length, 0)
  const defaults = methods.flatMap((method) => (method.default === null ? [] : [method.default.epochs]))
  const beside = defaults.reduce((total, own) => total + own * folds.length * seeds.length, 0)
  return [
    `${folds.length}-fold cross-validation by group on training and validation samples: ${metricTitle(by)}, ${over}, mean ± standard error over folds.`,
    `Heads train on ${range(folds.map(({ train }) => train))} samples, the next fold selects the epoch, and the fold held out is scored.`,
    `Every method had ${counted(budget, "trial")} on the same folds with the same seeds.`,
    `Tuning took ${counted(trials, "trial")}, ${trials * folds.length * seeds.length} trainings and ${epochs} epochs${beside === 0 ? "" : `; ${beside} epochs more scored the defaults`}.`,
    "Folds share training samples, so that standard errors are approximate.",
    "The best of several means, and so its difference to the default, is too high on average.",
    "The choice promises nothing about the test split."
  ]
}
