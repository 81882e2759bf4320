/** Checks of a job before it trains: finite features, labels within the classes, and enough samples. */
import type { Features, Method } from "@igm/gradient"
import type { Split, Tensor } from "@igm/tensor"

type Dims = Features.Dims

/** Features that have been checked: many jobs train on the same ones. */
const good = new WeakSet<object>()

/** Describes the first problem of the features of a split, if there is one. */
const problemOf = (features: Features.Features<Split.Split, Dims>): string | undefined => {
  if (good.has(features)) return undefined
  const problem = foundIn(features)
  if (problem === undefined) good.add(features)
  return problem
}

const firstBad = (data: Tensor.Tensor["data"]): number => {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(Number(data[i]))) return i
  return -1
}

const foundIn = (features: Features.Features<Split.Split, Dims>): string | undefined => {
  const { split, widths, classes, labels, ids } = features
  const modalities = Object.entries<Tensor.Tensor>(features.modalities)
  if (labels.length === 0) return `the ${split} split has no samples: give it some`
  if (ids.length !== labels.length) return `the ${split} split has ${ids.length} ids and ${labels.length} labels`
  const odd = labels.findIndex((label) => label < 0 || label >= classes)
  if (odd >= 0)
    return `sample ${ids[odd]} of the ${split} split has label ${labels[odd]}, which is not one of 0–${classes - 1}`
  for (const [modality, { shape, data }] of modalities) {
    const [rows, width] = [shape[0], shape[1]]
    if (rows !== labels.length) {
      return `${modality} has ${rows} rows of features for the ${labels.length} labels of the ${split} split`
    }
    if (width !== widths[modality]) return `${modality} features are ${width} wide, not ${widths[modality]}`
    const bad = firstBad(data)
    if (bad >= 0) {
      const place = `sample ${ids[Math.floor(bad / width!)]} of the ${split} split, ${modality} feature ${(bad % width!) + 1}`
      return `${place}, is ${data[bad]}: encode it again, or leave the sample out`
    }
  }
  return undefined
}

/** The training data of a job. */
type Trained = Pick<Method.Job<Dims>, "train" | "rows">

const problemOfRows = ({ train, rows }: Trained): string | undefined => {
  if (rows === undefined) return undefined
  if (rows.length === 0) return "the job has no rows to train on"
  const odd = rows.find((row) => !(row >= 0 && row < train.labels.length))
  return odd === undefined ? undefined : `row ${odd} is not one of the ${train.labels.length} training samples`
}

const missingClass = (job: Trained): string | undefined => {
  const { labels, classes } = job.train
  const there = new Set(job.rows === undefined ? labels : job.rows.map((row) => labels[row]!))
  const missing = Array.from({ length: classes }, (_, c) => c).filter((c) => !there.has(c))
  return missing.length === 0
    ? undefined
    : `no training sample has class ${missing.join(", ")}: add some, or take the class out`
}

/** Describes the first problem of a job for a method, if there is one. */
export const problem = (
  { classes }: Pick<Method.Method<Dims, Split.Split>, "classes">,
  job: Method.Job<Dims, Split.Split>
): string | undefined => {
  const { train, select } = job
  if (train.classes !== classes) {
    return `the heads tell ${classes} classes apart, the features have ${train.classes}`
  }
  return problemOf(train) ?? problemOf(select) ?? problemOfRows(job) ?? missingClass(job)
}
