/**
 * The graphs of the encoders next to torch.onnx's exports of the originals, which have the same weights: how far apart
 * their features are, and what each takes in the same runtime with one thread, in turns. Sizes are fixed as the exports'
 * are, all but the batch (and a sentence's length).
 */
import { EncoderRuntime } from "@igm/encoders"
import { Console, Duration, Effect, FileSystem } from "effect"
import { join } from "node:path"
import * as Formula from "../../packages/encoders/test/formula.ts"
import * as Golden from "../../packages/encoders/test/golden.ts"
import * as Timing from "../bench/Timing.ts"
import { shown } from "./Bar.ts"

interface Comparison {
  readonly name: string
  readonly family: (typeof Golden.families)[number]
  readonly of: string
  readonly options: object
  readonly layout: string
  /** Inputs of different sizes; times are taken with the first. */
  readonly inputs: ReadonlyArray<{ readonly [port: string]: Formula.Input }>
}

const images = (...shape: ReadonlyArray<number>) => ({ image: ["normal", shape] }) as const

const sentences = (...lengths: ReadonlyArray<number>) =>
  ({ ids: ["integers", [lengths.length, Math.max(...lengths)], 30522], mask: ["lengths", lengths] }) as const

const resnet = (depth: number): Comparison => ({
  name: `resnet${depth}`,
  family: "resnet",
  of: "ResNet",
  options: { depth, channels: 3, output: "pooled", size: [224, 224] },
  layout: `resnet${depth}`,
  inputs: [images(8, 3, 224, 224), images(1, 3, 224, 224)]
})

const comparisons: ReadonlyArray<Comparison> = [
  resnet(18),
  resnet(50),
  {
    name: "bert-base",
    family: "bert",
    of: "Bert",
    options: { width: 768, output: "cls" },
    layout: "bert-base",
    inputs: [sentences(64, 64, 64, 64, 64, 64, 64, 64), sentences(64, 11, 40), sentences(9)]
  },
  {
    name: "i3d",
    family: "i3d",
    of: "I3d",
    options: { channels: 3, pooling: "mean", frames: 64, size: [224, 224] },
    layout: "i3d-3",
    inputs: [{ clip: ["normal", [1, 3, 64, 224, 224]] }, { clip: ["normal", [3, 3, 64, 224, 224]] }]
  }
]

const inputsOf = (name: string, inputs: Comparison["inputs"][number]) => Golden.inputs({ name, inputs })

/** The largest error of all; prints that of each export, and the ratio of its time to ours. */
export const compare = Effect.fnUntraced(function* (folder: string, repeats: number) {
  const runtime = yield* EncoderRuntime
  const fs = yield* FileSystem.FileSystem
  let worst = 0
  const compared = Effect.fnUntraced(function* (of: Comparison) {
    const { layouts } = yield* Golden.read(of.family)
    const bytes = yield* Golden.bytes(Golden.architecture(of), Formula.weights(layouts[of.layout]!))
    const built = yield* runtime.open(of.name, bytes)
    const exported = yield* runtime.open(of.name, yield* fs.readFile(join(folder, `${of.name}.onnx`)))
    const offs: Array<number> = []
    for (const [i, inputs] of of.inputs.entries()) {
      const values = inputsOf(`${of.name}/${i}`, inputs)
      const [ours, theirs] = [yield* built.run(values), yield* exported.run(values)]
      offs.push(Golden.difference(ours["features"]!, theirs["features"]!))
    }
    worst = Math.max(worst, ...offs)
    const values = inputsOf(`${of.name}/0`, of.inputs[0]!)
    const times = { ours: [] as Array<number>, theirs: [] as Array<number> }
    for (let repeat = 0; repeat < repeats; repeat++) {
      const sides = [["ours", built] as const, ["theirs", exported] as const]
      for (const [side, session] of repeat % 2 === 0 ? sides : sides.toReversed()) {
        const [time] = yield* Effect.timed(session.run(values))
        times[side].push(Duration.toMillis(time))
      }
    }
    const ratio = Timing.show(Timing.ratio(times.theirs, times.ours))
    const each = `${Timing.median(times.ours).toFixed(0)} ms, export ${Timing.median(times.theirs).toFixed(0)} ms`
    yield* Console.log(`${of.name.padEnd(10)} errors ${offs.map(shown).join(", ")}; ${each}, export / ours ${ratio}`)
  }, Effect.scoped)
  yield* Console.log("\nNext to torch.onnx's exports, one thread:")
  for (const of of comparisons) yield* compared(of)
  return worst
})
