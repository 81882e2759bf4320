/** The graphs of the encoders next to what the originals in PyTorch gave. */
import { Console, Duration, Effect } from "effect"
import * as Golden from "../../packages/encoders/test/golden.ts"
import { shown } from "./Bar.ts"

const graphOf = ({ of, options, layout }: Golden.Case) => JSON.stringify([of, options, layout])

/** The largest error of a family; prints that of each of its cases. */
export const compare = Effect.fnUntraced(function* (family: (typeof Golden.families)[number]) {
  const golden = yield* Golden.read(family)
  let worst = 0
  const compared = Effect.fnUntraced(function* (cases: ReadonlyArray<Golden.Case>) {
    const session = yield* Golden.open(cases[0]!, golden)
    for (const of of cases) {
      const [time, { features }] = yield* Effect.timed(session.run(Golden.inputs(of)))
      const off = Golden.difference(Golden.thinned(features!, of.every), golden.outputs[of.name]!)
      worst = Math.max(worst, off)
      const milliseconds = Duration.toMillis(time).toFixed(0).padStart(6)
      yield* Console.log(`${of.of.padEnd(15)} ${of.name.padEnd(42)} ${shown(off)} ${milliseconds} ms`)
    }
  }, Effect.scoped)
  for (const cases of Object.values(Object.groupBy(golden.cases, graphOf))) yield* compared(cases!)
  return worst
})
