/**
 * Taking the first of several devices that can be had: each is tried in turn, and why none before was taken is kept, for
 * whoever left the choice open.
 */
import { Effect } from "effect"

/** A device that was not to be had, in a few words, and why. */
export interface Refused {
  readonly choice: string
  readonly reason: string
}

/** The chosen candidate, and the ones that were rejected before. */
export interface Taken<Choice> {
  readonly choice: Choice
  readonly refused: ReadonlyArray<Refused>
}

/** Drivers that compute graphics by software: slower than the processor is without them. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|basic render/i

/** The reason not to take a device by itself that is software, by the device's name; undefined for others. */
export const softwareProblem = (device: string): string | undefined =>
  SOFTWARE.test(device)
    ? `its device ${device} is software, slower than the processor itself; whoever wants it names it`
    : undefined

/** Takes the first choice that an attempt succeeds with; fails with the reasons of all, as one sentence. */
export const take = Effect.fnUntraced(function* <Choice, E extends { readonly problem: string }, R>(
  choices: ReadonlyArray<Choice>,
  label: (choice: Choice) => string,
  attempt: (choice: Choice) => Effect.Effect<unknown, E, R>
): Effect.fn.Return<Taken<Choice>, string, R> {
  const refused: Array<Refused> = []
  for (const choice of choices) {
    const tried = yield* Effect.result(attempt(choice))
    if (tried._tag === "Success") return { choice, refused }
    refused.push({ choice: label(choice), reason: tried.failure.problem })
  }
  return yield* Effect.fail(`none can be had: ${inWords(refused)}`)
})

const inWords = (refused: ReadonlyArray<Refused>): string =>
  refused.map(({ choice, reason }) => `${choice}: ${reason}`).join("; ")

/** Reports the chosen candidate and the reasons against those before, one line each. */
export const account = (refused: ReadonlyArray<Refused>, choice: string, device: string): ReadonlyArray<string> => [
  ...refused.map(({ choice, reason }) => `not ${choice}: ${reason}`),
  `taken: ${choice} on ${device}`
]
