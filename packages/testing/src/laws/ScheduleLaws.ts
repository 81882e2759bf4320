/** Laws of every learning-rate schedule. */
import { Schedule } from "@igm/gradient"
import { Scheduled } from "../Cases.ts"
import { relative } from "../Distance.ts"
import * as Law from "../Law.ts"

/** The function under test: the next state of a schedule. */
export type Next = typeof Schedule.next

/** The factors of a sequence of epochs with the given losses. */
const factors = (next: Next, { schedule, losses }: typeof Scheduled.Type): ReadonlyArray<number> => {
  const found: Array<number> = []
  losses.reduce((memory, loss) => {
    found.push(memory.factor)
    return next(schedule, memory, loss)
  }, Schedule.start(schedule))
  return found
}

/** The expected factors, each computed from all losses before. */
const expected = ({ schedule, losses }: typeof Scheduled.Type): ReadonlyArray<number> =>
  losses.map((_, epoch) => {
    if (schedule.kind === "constant") return 1
    if (schedule.kind === "plateau") {
      let [factor, best, bad] = [1, Number.POSITIVE_INFINITY, 0]
      for (const loss of losses.slice(0, epoch)) {
        bad = loss < best - schedule.threshold * best || best === Number.POSITIVE_INFINITY ? 0 : bad + 1
        if (bad === 0) best = loss
        if (bad <= schedule.patience) continue
        factor *= schedule.factor
        bad = 0
      }
      return factor
    }
    const e = epoch + Number(schedule.early)
    if (schedule.kind === "warm-up") return Math.min(1, schedule.from + ((1 - schedule.from) * e) / schedule.epochs)
    let factor = 1
    for (let i = schedule.size; i <= e; i += schedule.size) factor *= schedule.factor
    return factor
  })

/** The laws. */
export const laws = (next: Next = Schedule.next): ReadonlyArray<Law.Law> => {
  const law = (name: string, holds: (of: typeof Scheduled.Type, found: ReadonlyArray<number>) => boolean) =>
    Law.make({
      name: `schedule ${name}`,
      cases: Scheduled,
      tolerance: 0,
      deviation: (of) => (holds(of, factors(next, of)) ? 0 : 1)
    })
  return [
    Law.make({
      name: "schedule is PyTorch's StepLR, LinearLR or ReduceLROnPlateau, or constant",
      cases: Scheduled,
      tolerance: 1e-12,
      deviation: (of) => relative(factors(next, of), expected(of))
    }),
    law("keeps the factor in (0, 1]", (_, found) => found.every((factor) => factor > 0 && factor <= 1)),
    law("never raises the rate, unless it warms up; and then never lowers it", ({ schedule }, found) =>
      found.every((factor, i) => {
        const before = found[i - 1] ?? factor
        return schedule.kind === "warm-up" ? factor >= before : factor <= before
      })
    ),
    law(
      "of plateaus leaves the rate alone while the loss falls",
      ({ schedule, losses }) =>
        schedule.kind !== "plateau" ||
        factors(next, { schedule, losses: losses.map((_, i) => 2 ** -i) }).every((factor) => factor === 1)
    )
  ]
}
