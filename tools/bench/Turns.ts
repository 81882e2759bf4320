/** Measuring several sides in turns, and rows of results in words. */
import { Effect } from "effect"
import type * as Peer from "./Peer.ts"
import * as Timing from "./Timing.ts"

/** A line of the result: what was measured, in seconds for each repeat, and ratios. */
export interface Row {
  readonly name: string
  readonly seconds: { readonly [who: string]: ReadonlyArray<number> }
  readonly ratios: { readonly [name: string]: Timing.Ratio }
  readonly notes: { readonly [name: string]: unknown }
}

/** The seconds that an effect takes. */
export const time = <E>(effect: Effect.Effect<unknown, E>) =>
  Effect.gen(function* () {
    const start = performance.now()
    yield* effect
    return (performance.now() - start) / 1000
  })

/** So long the threads of whatever was measured last, PyTorch's among them, wait for more work at full speed. */
const REST = "250 millis"

/** The number of warm-up runs after a rest: an idle processor begins slowly, and its caches are cold. */
const WARM = 3

/** Measures in turns, each after a rest and warm unless it takes seconds; the first two turns are for nothing. */
export const inTurns = Effect.fnUntraced(function* (
  repeats: number,
  sides: { readonly [who: string]: Effect.Effect<number, unknown> },
  warm = WARM
) {
  const seconds = Object.fromEntries(Object.keys(sides).map((who) => [who, [] as Array<number>]))
  for (let turn = -2; turn < repeats; turn++) {
    for (const [who, measure] of Object.entries(sides)) {
      yield* Effect.sleep(REST)
      for (let i = 0; i < warm; i++) yield* measure
      const took = yield* measure
      if (turn >= 0) seconds[who]!.push(took)
    }
  }
  return seconds
})

/** The time of a request as the peer reports it, in seconds. */
export const asked = (peer: Peer.Peer, request: Peer.Answer) =>
  Effect.promise(() => peer.ask(request)).pipe(Effect.map(({ seconds }) => Number(seconds)))

const milliseconds = (numbers: ReadonlyArray<number>): string => {
  const sorted = numbers.toSorted((a, b) => a - b)
  const at = (share: number) => (1000 * sorted[Math.floor(share * (sorted.length - 1))]!).toPrecision(3)
  return `${(1000 * Timing.median(numbers)).toPrecision(3)} ms [${at(0.05)}, ${at(0.95)}]`
}

/** A row in words. */
export const lines = ({ name, seconds, ratios, notes }: Row): ReadonlyArray<string> => [
  "",
  name,
  ...Object.entries(seconds).map(([who, numbers]) => `  ${who.padEnd(40)} ${milliseconds(numbers)}`),
  ...Object.entries(ratios).map(([what, ratio]) => `  ${what.padEnd(52)} ${Timing.show(ratio)}`),
  ...Object.entries(notes).map(
    ([what, value]) =>
      `  ${what.padEnd(36)} ${typeof value === "number" ? (Math.abs(value) < 1e-2 ? value.toExponential(1) : Number(value.toPrecision(4)).toLocaleString("en")) : String(value)}`
  )
]
