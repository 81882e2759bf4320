/** `npm run mutants`: prints for each mutant the law that kills it, and the smallest counter-example found. */
import { Console, Effect } from "effect"
import * as Mutant from "./mutants/Mutant.ts"
import { all } from "./mutants/index.ts"

const RUNS = 500

const program = Effect.gen(function* () {
  let survivors = 0
  for (const mutant of all) {
    const verdict = yield* Mutant.kill(mutant, RUNS)
    yield* Console.log(`${verdict === null ? "SURVIVES" : "killed"}  ${mutant.name} (${mutant.from})`)
    if (verdict === null) survivors++
    else yield* Console.log(`        by: ${verdict.law}\n        at: ${verdict.counterExample!.shrunk}`)
  }
  yield* Console.log(`${all.length} mutants, ${all.length - survivors} killed, ${survivors} survive.`)
  if (survivors > 0) process.exitCode = 1
})

await Effect.runPromise(program)
