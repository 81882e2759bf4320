/** `npm run laws [-- CASES]`: checks every law and prints how many cases were tried and the largest deviation. */
import { Console, Effect } from "effect"
import * as Law from "./Law.ts"
import * as Own from "./Own.ts"

const runs = Number(process.argv[2] ?? 1000)

const program = Effect.gen(function* () {
  let broken = 0
  for (const law of Own.laws()) {
    const verdict = yield* law.check({ runs })
    if (verdict.counterExample !== null) broken++
    yield* Console.log(Law.line(verdict))
  }
  yield* Console.log(broken === 0 ? "All laws hold." : `${broken} laws are broken.`)
  if (broken > 0) process.exitCode = 1
})

await Effect.runPromise(program)
