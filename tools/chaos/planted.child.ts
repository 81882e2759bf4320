/** Runs or replays a program with a planted change: `planted.child.ts '{…}'`, the options of `Child`; prints JSON. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { RunFolder } from "@igm/experiment"
import { ArtifactStore, Progress } from "@igm/io"
import { MediaDecoder } from "@igm/media"
import { EncoderRuntime } from "@igm/encoders"
import { Console, Effect, Layer, Logger } from "effect"
import * as ProgramFile from "../../packages/cli/src/ProgramFile.ts"
import * as ReplayCommand from "../../packages/cli/src/ReplayCommand.ts"
import * as RunCommand from "../../packages/cli/src/RunCommand.ts"
import { TypeScript } from "../../packages/cli/src/TypeScript.ts"
import * as Tamper from "./Tamper.ts"

/** The task of a child process. */
export interface Child {
  readonly program: string
  readonly speech: string
  readonly out: string
  /** The folder of the run to replay; without it the program is run. */
  readonly run?: string
  readonly media?: string
  readonly version?: string
  readonly step?: Tamper.InStep
}

const child = JSON.parse(process.argv[2]!) as Child

const store = Tamper.layerStore(child).pipe(Layer.provide(ArtifactStore.layer(`${child.out}/.store`)))

const work = Effect.gen(function* () {
  if (child.run === undefined) {
    const { program, speech, out } = child
    const loaded = yield* ProgramFile.load(program, { check: false })
    return yield* RunCommand.run({ loaded, given: { seed: 1, speech }, out, trace: "step", refused: [] })
  }
  const manifest = yield* RunFolder.read(child.run)
  const found = yield* ReplayCommand.replay({ folder: child.run, manifest, from: undefined, tolerance: 0, refused: [] })
  yield* Console.log(JSON.stringify(found))
})

work.pipe(
  Effect.provide(Tamper.layerTrainer(child.step ?? null)),
  Effect.provide(
    Layer.mergeAll(store, EncoderRuntime.layerCpu, MediaDecoder.layer, TypeScript.layerNone, Progress.layerSilent)
  ),
  Effect.provide(Layer.merge(NodeServices.layer, Logger.layer([]))),
  NodeRuntime.runMain
)
