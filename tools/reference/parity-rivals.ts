/**
 * Prints how far each rival is from its released code over 20 steps or more: with the switches set as there, and with
 * each of them as we have it by default.
 *
 *     npm run parity-rivals
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect } from "effect"
import { cases, distance } from "../../packages/gradient/test/rivals/cases.ts"
import { golden } from "../../packages/gradient/test/rivals/golden.ts"

const program = Effect.gen(function* () {
  const inputs = yield* golden
  yield* Console.log("The largest |a − b| over the largest |b| of any tensor or the losses, b by the released code.")
  for (const one of cases) {
    const found = one.train(inputs)
    const far = distance(one, found, inputs)
    yield* Console.log(`${one.golden}, ${found.losses.length} steps, ${one.name}: ${far.toExponential(1)}`)
  }
})

await program.pipe(Effect.provide(NodeServices.layer), Effect.runPromise)
