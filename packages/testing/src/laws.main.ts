/**
 * `npm run laws [-- CASES]`: checks every law and prints how many cases were tried and the largest deviation. The laws of
 * single precision get a tenth of the cases.
 */
import { OnnxRuntime } from "@igm/onnx"
import { OnnxProgram, Reference } from "@igm/training"
import { Console, Effect, Layer } from "effect"
import * as InterpreterLaws from "./laws/InterpreterLaws.ts"
import * as Law from "./Law.ts"
import * as AllLaws from "./laws/AllLaws.ts"

const runs = Number(process.argv[2] ?? 1000)

const check = <R>(laws: ReadonlyArray<Law.Law<R>>, runs: number) =>
  Effect.forEach(laws, (law) =>
    law.check({ runs }).pipe(
      Effect.tap((verdict) => Console.log(Law.line(verdict))),
      Effect.map(({ counterExample }) => counterExample === null)
    )
  )

const onnx = OnnxProgram.layer.pipe(Layer.provide(OnnxRuntime.layerCpu))

const single = [
  InterpreterLaws.agrees("the float32 ONNX program", 1e-4),
  InterpreterLaws.partitions("the float32 ONNX program"),
  InterpreterLaws.stacks("the float32 ONNX program", 1e-5)
]
const exact = [InterpreterLaws.partitions("float64"), InterpreterLaws.stacks("float64", 0)]

const program = Effect.gen(function* () {
  const held = [
    ...(yield* check(AllLaws.laws(), runs)),
    ...(yield* check(exact, runs).pipe(Effect.provide(Reference.layer))),
    ...(yield* check(single, Math.ceil(runs / 10)).pipe(Effect.provide(onnx)))
  ]
  const broken = held.filter((holds) => !holds).length
  yield* Console.log(broken === 0 ? `All ${held.length} laws hold.` : `${broken} of ${held.length} laws are broken.`)
  if (broken > 0) process.exitCode = 1
})

await Effect.runPromise(program)
