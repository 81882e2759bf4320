/**
 * Prints how far the graphs of the encoders are from the originals in PyTorch, for every golden case; given a folder that
 * `tools/reference/encoders.py export` wrote, how far and how fast they are next to torch.onnx's exports of the originals;
 * and with `--build`, how long and how much memory it takes to build the two largest from weight files of full size.
 *
 *     npm run parity-encoders [-- [--only FAMILY] [--no-golden] [--exports FOLDER] [--repeats N] [--build]]
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { EncoderRuntime } from "@igm/encoders"
import { Console, Effect, Layer } from "effect"
import { parseArgs } from "node:util"
import * as Golden from "../../packages/encoders/test/golden.ts"
import * as Built from "./Built.ts"
import * as Exported from "./Exported.ts"
import { BAR, shown } from "./Bar.ts"
import * as Original from "./Original.ts"

const { values: options } = parseArgs({
  allowNegative: true,
  options: {
    golden: { type: "boolean", default: true },
    only: { type: "string" },
    exports: { type: "string" },
    repeats: { type: "string", default: "11" },
    build: { type: "boolean", default: false }
  }
})

const program = Effect.gen(function* () {
  yield* Console.log(`Errors are the largest |a − b| over the largest |b|; they have to stay below ${BAR}.\n`)
  let worst = 0
  if (options.golden) {
    for (const family of Golden.families.filter((family) => options.only === undefined || options.only === family)) {
      worst = Math.max(worst, yield* Original.compare(family))
    }
    yield* Console.log(`\nThe largest of all: ${shown(worst)}`)
  }
  if (options.exports !== undefined) {
    worst = Math.max(worst, yield* Exported.compare(options.exports, Number(options.repeats)))
  }
  const within = options.build ? yield* Built.measure : true
  if (worst > BAR || !within) process.exitCode = 1
})

await Effect.runPromise(program.pipe(Effect.provide(Layer.merge(NodeServices.layer, EncoderRuntime.layerCpu))))
