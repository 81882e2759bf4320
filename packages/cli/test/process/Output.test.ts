import { assert, describe, it } from "@effect/vitest"
import { Console, Effect, Exit, Runtime } from "effect"
import * as Output from "../../src/Output.ts"

/** A stream of so many columns that keeps what it is given, and fails with a code if one is named. */
const streams = (columns: number | undefined, code?: string) => {
  const [printed, said] = [[] as Array<string>, [] as Array<string>]
  const keep = (texts: Array<string>, failed: (cause: unknown) => void = () => {}) => ({
    columns,
    write: (text: string) => void (texts.push(text), code !== undefined && failed({ code })),
    flush: (done: () => void) => done()
  })
  const to = Output.to((failed) => keep(printed, failed), keep(said))
  return { to, printed, said }
}

describe("Output", () => {
  it.effect("what cannot be written fails the command after its work, as any code says it", () =>
    Effect.gen(function* () {
      for (const [code, message] of [
        ["ENOSPC", "standard output: cannot write to it: the disk is full"],
        ["EIO", "standard output: cannot write to it: the disk could not read or write it (EIO): it may be failing"]
      ] as const) {
        const { to } = streams(undefined, code)
        let worked = false
        const work = Console.log("a").pipe(Effect.andThen(Effect.sync(() => (worked = true))))
        const error = yield* Effect.flip(to(work))
        assert.strictEqual(error.message, message)
        assert.isTrue(worked)
      }
    })
  )

  it.effect(
    "a reader that is gone is told of by the exit code alone, and the command's own failure goes before both",
    () =>
      Effect.gen(function* () {
        const { to } = streams(undefined, "EPIPE")
        const error = yield* Effect.flip(to(Console.log("a")))
        assert.strictEqual(Runtime.getErrorExitCode(error), 141)
        assert.strictEqual(yield* Effect.flip(to(Effect.andThen(Console.log("a"), Effect.fail("own")))), "own")
      })
  )

  it.effect("nothing that goes wrong with standard error fails the command", () =>
    Effect.gen(function* () {
      const { to, said } = streams(undefined, "EIO")
      assert.isTrue(Exit.isSuccess(yield* Effect.exit(to(Console.error("a")))))
      assert.deepStrictEqual(said, ["a\n"])
    })
  )

  it.effect("in a terminal text is as wide as it is; JSON, scripts and everything in a pipe are left as they are", () =>
    Effect.gen(function* () {
      const sentence = "the epoch with the best result"
      const texts = [`{"a":"${sentence}"}`, `[\n  "${sentence}"\n]`, `# ${sentence}`]
      const all = Effect.forEach([sentence, ...texts], (text) => Console.log(text), { discard: true })
      const terminal = streams(20)
      yield* terminal.to(all)
      assert.deepStrictEqual(terminal.printed, [
        "the epoch with the\n  best result\n",
        ...texts.map((text) => `${text}\n`)
      ])
      const pipe = streams(undefined)
      yield* pipe.to(all)
      assert.deepStrictEqual(
        pipe.printed,
        [sentence, ...texts].map((text) => `${text}\n`)
      )
    })
  )

  it.effect("warnings go to standard error, so that what is printed for programs is that alone", () =>
    Effect.gen(function* () {
      const { to, printed, said } = streams(undefined)
      yield* to(Effect.andThen(Effect.logWarning("look"), Console.log("{}")))
      assert.deepStrictEqual(printed, ["{}\n"])
      assert.include(said.join(""), "look")
    })
  )
})
