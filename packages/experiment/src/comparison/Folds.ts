/**
 * The folds of a cross-validation, split by group, so that no speaker (actor, voice setting) is in two folds. Each fold
 * is held out once for scoring; the next fold selects the epoch, and the rest are for training. The scored samples
 * therefore select nothing.
 */
import { Keyed } from "@igm/tensor"
import { Result, Schema } from "effect"

/** The rows of one round of a cross-validation; the three parts make up all rows and share no group. */
export interface Fold {
  /** All folds but two. */
  readonly train: Int32Array
  /** The fold after the one that is held out: it selects the epoch. */
  readonly select: Int32Array
  /** The rows on which the trained heads are scored. */
  readonly held: Int32Array
}

/** The samples cannot be split into folds. */
export class FoldsError extends Schema.TaggedError<FoldsError>()("FoldsError", {
  reason: Schema.Literals(["too few folds", "too few groups", "missing class", "unequal lengths"]),
  problem: Schema.String
}) {
  override get message(): string {
    return this.problem
  }
}

/** The label and the group of each sample, and the number of folds. */
export interface Options {
  readonly labels: ArrayLike<number>
  readonly groups: ReadonlyArray<string>
  /** The number of classes. */
  readonly classes: number
  readonly folds: number
  readonly seed: number
}

/** The least number of folds: one to train on, one to select the epoch, one to score. */
export const LEAST = 3

/** The number of attempts before a fold without a class is an error. */
const DEALS = 32

interface Group {
  readonly name: string
  readonly rows: ReadonlyArray<number>
  readonly classes: ReadonlySet<number>
}

/**
 * Splits samples into folds. Groups are assigned in descending order of size (the seed breaks ties), each to the fold
 * with the fewest samples, so that folds differ by no more than the largest group. Groups of a class that only few
 * groups have are assigned first, to different folds. This is a greedy rule with a few random restarts, not an
 * exhaustive search.
 */
export const make = (options: Options): Result.Result<ReadonlyArray<Fold>, FoldsError> => {
  const { labels, groups: names, classes, folds, seed } = options
  const fail = (reason: FoldsError["reason"], problem: string) => Result.fail(new FoldsError({ reason, problem }))
  if (names.length !== labels.length) {
    return fail("unequal lengths", `${labels.length} labels and ${names.length} groups: each sample has one of both`)
  }
  if (!Number.isInteger(folds) || folds < LEAST) {
    const parts = "one to train on, one to select the epoch and one to score"
    return fail("too few folds", `${folds} folds: a cross-validation takes ${LEAST} at least, ${parts}`)
  }
  const groups = groupsOf(labels, names)
  if (groups.length < folds) {
    return fail("too few groups", `${groups.length} groups cannot be dealt into ${folds} folds: take fewer folds`)
  }
  const having = Array.from({ length: classes }, (_, c) => groups.filter((group) => group.classes.has(c)).length)
  let missing: ReadonlyArray<number> = []
  for (let round = 0; round < DEALS; round++) {
    const dealt = partsOf(deal(groups, folds, having, Keyed.stream([seed, "folds", round])))
    missing = having.flatMap((_, c) => (dealt.every(({ train }) => train.some((g) => g.classes.has(c))) ? [] : [c]))
    if (missing.length === 0) {
      return Result.succeed(
        dealt.map(({ train, select, held }) => ({ train: rowsOf(train), select: rowsOf(select), held: rowsOf(held) }))
      )
    }
  }
  const [first] = missing
  const there = `class ${first} is in ${having[first!]} of ${groups.length} groups`
  return fail("missing class", `${there}, and no deal was found in which every training part has it: add groups`)
}

/** The groups in alphabetical order, so that the order of samples does not matter. */
const groupsOf = (labels: ArrayLike<number>, names: ReadonlyArray<string>): ReadonlyArray<Group> => {
  const rows = Map.groupBy(names.keys(), (row) => names[row]!)
  return [...rows]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, rows]) => ({ name, rows, classes: new Set(rows.map((row) => labels[row]!)) }))
}

/** Assigns groups to folds. `having` counts the groups of each class. */
const deal = (
  groups: ReadonlyArray<Group>,
  folds: number,
  having: ReadonlyArray<number>,
  stream: Keyed.Stream
): ReadonlyArray<ReadonlyArray<Group>> => {
  const scarce = ({ classes }: Group) => [...classes].filter((c) => having[c]! <= folds)
  const rarity = (group: Group) => Math.min(folds + 1, ...scarce(group).map((c) => having[c]!))
  const order = Array.from(Keyed.permutation(stream, groups.length), (at) => groups[at]!).toSorted(
    (a, b) => rarity(a) - rarity(b) || b.rows.length - a.rows.length
  )
  const dealt: ReadonlyArray<Array<Group>> = Array.from({ length: folds }, () => [])
  const samples = (fold: number) => dealt[fold]!.reduce((n, { rows }) => n + rows.length, 0)
  const has = (fold: number, c: number) => Number(dealt[(fold + folds) % folds]!.some(({ classes }) => classes.has(c)))
  order.forEach((group, i) => {
    // Two neighbouring folds are never trained on together, so that groups of a scarce class keep off both.
    const near = (fold: number) =>
      scarce(group).reduce((n, c) => n + 2 * has(fold, c) + has(fold - 1, c) + has(fold + 1, c), 0)
    const empty = dealt.flatMap((fold, k) => (fold.length === 0 ? [k] : []))
    const open = order.length - i <= empty.length ? empty : [...dealt.keys()]
    const [best] = open.toSorted((a, b) => near(a) - near(b) || samples(a) - samples(b) || a - b)
    dealt[best!]!.push(group)
  })
  return dealt
}

const partsOf = (dealt: ReadonlyArray<ReadonlyArray<Group>>) =>
  dealt.map((held, k) => {
    const next = (k + 1) % dealt.length
    return { held, select: dealt[next]!, train: dealt.flatMap((fold, n) => (n === k || n === next ? [] : fold)) }
  })

const rowsOf = (groups: ReadonlyArray<Group>): Int32Array =>
  Int32Array.from(groups.flatMap(({ rows }) => rows)).toSorted()
