/** The commands of `igm` and the layers they run on. */
import { NodeServices } from "@effect/platform-node"
import { Fsdd } from "@igm/datasets"
import { Igm } from "@igm/gradient"
import { ArtifactStore, Progress } from "@igm/io"
import { RunFolder, Runs } from "@igm/experiment"
import { OnnxRuntime } from "@igm/onnx"
import { Devices } from "@igm/training"
import { Console, Effect, Layer, Option, Path, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { fileURLToPath } from "node:url"

import * as DataCommand from "./DataCommand.ts"
import * as Device from "./Device.ts"
import * as DiffCommand from "./DiffCommand.ts"
import * as EncodersCommand from "./EncodersCommand.ts"
import * as ExportCommand from "./ExportCommand.ts"
import * as FeaturesCommand from "./FeaturesCommand.ts"
import * as GcCommand from "./GcCommand.ts"
import * as LedgerCommand from "./LedgerCommand.ts"
import * as PredictCommand from "./PredictCommand.ts"
import * as ReplayCommand from "./ReplayCommand.ts"
import * as RunCommand from "./RunCommand.ts"
import * as RunFlags from "./RunFlags.ts"
import * as RunsCommand from "./RunsCommand.ts"
import * as SchemaCommand from "./SchemaCommand.ts"
import * as ShowCommand from "./ShowCommand.ts"
import { TypeScript } from "./TypeScript.ts"

const defaultProgram = fileURLToPath(new URL("../../../examples/av-digits/experiment.ts", import.meta.url))

const root = Command.make("igm").pipe(
  Command.withDescription("Multimodal learning experiments on frozen features"),
  Command.withSharedFlags({
    verbose: Flag.Boolean("verbose").pipe(
      Flag.withDescription("When something fails, print all that is known about it"),
      Flag.withDefault(false)
    )
  })
)

const Natural = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Positive = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
const NonNegative = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

const threads = Flag.Int("threads").pipe(
  Flag.withDescription("How many trainings run at a time, each in a thread of its own; the results do not change"),
  Flag.withSchema(Positive),
  Flag.withDefault(1)
)

/** The arguments of a program that a person gave. Views are asked of the experiment itself. */
const argumentsOf = (flags: { readonly [K in (typeof passed)[number]]: Option.Option<unknown> }) =>
  passed.filter((name) => Option.isSome(flags[name]))

const passed = ["seed", "speech", "data", "limit"] as const

const run = Command.make(
  "run",
  {
    program: Argument.File("program").pipe(
      Argument.withDescription("The experiment's module"),
      Argument.withDefault(defaultProgram)
    ),
    seed: Flag.Int("seed").pipe(
      Flag.withDescription("The seed of the data; the trainings' seeds follow it (default: 1)"),
      Flag.withSchema(Natural),
      Flag.optional
    ),
    speech: Flag.String("speech").pipe(
      Flag.withDescription("A folder of recordings {digit}_{speaker}_{take}.wav instead of synthetic speech"),
      Flag.optional
    ),
    data: Flag.String("data").pipe(
      Flag.withDescription("The folder of a data set that does not come with the project"),
      Flag.optional
    ),
    limit: Flag.Int("limit").pipe(
      Flag.withDescription("At most so many samples of each split, for a quick look"),
      Flag.withSchema(Positive),
      Flag.optional
    ),
    views: Flag.Int("views").pipe(
      Flag.withDescription("Take so many augmented views of each training sample in its place"),
      Flag.withSchema(Positive),
      Flag.optional
    ),
    out: RunFlags.out,
    check: Flag.Boolean("check").pipe(
      Flag.withDescription("Typecheck the program first; what passed is remembered"),
      Flag.withDefault(true)
    ),
    trace: Flag.Literals("trace", ["epoch", "step"]).pipe(
      Flag.withDescription("Record a digest after each epoch, or fingerprints of all tensors after each step as well"),
      Flag.withDefault("epoch" as const)
    ),
    ...Device.flags,
    threads
  },
  Effect.fn("igm.run")(function* (said) {
    const { program, out, check, trace, engine, device, threads } = said
    const path = yield* Path.Path
    const store = ArtifactStore.layer(path.join(out, Runs.STORE))
    const folder = (name: Option.Option<string>) =>
      Option.getOrUndefined(Option.map(name, (name) => path.resolve(name)))
    const [limit, views] = [Option.getOrUndefined(said.limit), Option.getOrUndefined(said.views)]
    const seed = Option.getOrElse(said.seed, () => 1)
    const args = { seed, speech: folder(said.speech), data: folder(said.data), limit, views }
    yield* Device.withTrainer({ engine, device }, { threads }, (refused) =>
      RunCommand.run({ program, args, said: argumentsOf(said), check, trace, out, refused })
    ).pipe(Effect.provide(Layer.mergeAll(OnnxRuntime.layerCpu, store, TypeScript.layer)))
  })
).pipe(Command.withDescription("Run an experiment and write its report"))

const replay = Command.make(
  "replay",
  {
    name: RunFlags.run("run"),
    out: RunFlags.out,
    from: Flag.String("from").pipe(
      Flag.withDescription("Take what comes before this stage, or this piece of work, as it was recorded"),
      Flag.optional
    ),
    tolerance: Flag.Finite("tolerance").pipe(
      Flag.withDescription("Count relative deviations up to this one as equal, as between engines; 0 compares bits"),
      Flag.withSchema(NonNegative),
      Flag.withDefault(0)
    ),
    json: RunFlags.json,
    engine: Flag.optional(
      Flag.Literals("engine", Devices.engines).pipe(Flag.withDescription("Another engine than the run's"))
    ),
    device: Flag.optional(
      Flag.Literals("device", Devices.devices).pipe(Flag.withDescription("Another device than the run's"))
    ),
    threads
  },
  Effect.fn("igm.replay")(function* ({ name, out, from, tolerance, json, engine, device, threads }) {
    const path = yield* Path.Path
    const folder = yield* Runs.find(name, out)
    const manifest = yield* RunFolder.read(folder)
    const store = ArtifactStore.layer(path.join(path.dirname(path.resolve(folder)), Runs.STORE))
    const wanted = {
      engine: Option.getOrElse(engine, () => manifest.trainer.engine),
      device: Option.getOrElse(device, () => manifest.trainer.device as (typeof Devices.devices)[number])
    }
    const found = yield* Device.withTrainer(wanted, { threads }, (refused) =>
      ReplayCommand.replay({ folder, manifest, from: Option.getOrUndefined(from), tolerance, refused })
    ).pipe(Effect.provide(Layer.mergeAll(OnnxRuntime.layerCpu, store, TypeScript.layer)))
    yield* Console.log(json ? JSON.stringify(found, null, 2) : ReplayCommand.text(found))
    if (!found.equal) {
      return yield* new ReplayCommand.ReplayDiffers({ run: found.run, stage: found.differences[0]!.stage })
    }
  })
).pipe(Command.withDescription("Execute a run again, and tell whether and where it comes out differently"))

const exportRun = Command.make(
  "export",
  {
    name: RunFlags.run("run"),
    out: RunFlags.out,
    method: Flag.String("method").pipe(
      Flag.withDescription("The method whose heads are exported; by default the first of the table"),
      Flag.optional
    ),
    seed: Flag.Int("seed").pipe(Flag.withDescription("The training's seed; by default the first"), Flag.optional),
    to: Flag.String("to").pipe(
      Flag.withDescription("The file to write; by default heads.onnx in the run"),
      Flag.optional
    )
  },
  Effect.fn("igm.export")(function* ({ name, out, method, seed, to }) {
    const folder = yield* Runs.find(name, out)
    const file = yield* ExportCommand.exportRun(folder, {
      method: Option.getOrUndefined(method),
      seed: Option.getOrUndefined(seed),
      to: Option.getOrUndefined(to)
    })
    yield* Console.log(`wrote ${file}`)
  })
).pipe(Command.withDescription("Write a run's trained heads and fusion as one ONNX file"))

const predict = Command.make(
  "predict",
  {
    model: Argument.String("heads").pipe(Argument.withDescription("A file that igm export wrote")),
    audio: Flag.String("audio").pipe(Flag.withDescription("A wav file")),
    image: Flag.String("image").pipe(Flag.withDescription("A PNG or JPEG file")),
    json: Flag.Boolean("json").pipe(Flag.withDescription("Print JSON"), Flag.withDefault(false))
  },
  Effect.fn("igm.predict")(function* ({ model, audio, image, json }) {
    const prediction = yield* PredictCommand.predict(model, { audio, image }).pipe(Effect.provide(OnnxRuntime.layerCpu))
    yield* Console.log(json ? JSON.stringify(prediction) : PredictCommand.text(prediction))
  })
).pipe(Command.withDescription("Say what exported heads make of media files"))

const fsdd = Command.make(
  "fsdd",
  {
    into: Flag.String("into").pipe(
      Flag.withDescription("The folder for the recordings"),
      Flag.withDefault("data/fsdd/recordings")
    ),
    from: Flag.String("from").pipe(Flag.withDescription("The archive's address"), Flag.withDefault(Fsdd.ARCHIVE))
  },
  Effect.fn("igm.data.fsdd")(function* ({ into, from }) {
    const count = yield* Fsdd.download(from, into)
    yield* Console.log(`${count} recordings in ${into}: igm run --speech ${into}`)
  })
).pipe(Command.withDescription("Download the Free Spoken Digit Dataset (real recordings, CC BY-SA 4.0)"))

const data = Command.make("data").pipe(
  Command.withDescription("Data sets"),
  Command.withSubcommands([
    ...DataCommand.commands,
    Command.make("get").pipe(Command.withDescription("Download a data set"), Command.withSubcommands([fsdd]))
  ])
)

const ledger = Command.make(
  "ledger",
  {
    features: Argument.String("features").pipe(
      Argument.withDescription("A safetensors file: features of each modality (n × width, float32) and labels (n)")
    ),
    labels: Flag.String("labels").pipe(Flag.withDescription("The name of the labels"), Flag.withDefault("label")),
    tau: Flag.Finite("tau").pipe(
      Flag.withDescription("The temperature of modification"),
      Flag.withSchema(NonNegative),
      Flag.withDefault(Igm.TAU)
    ),
    epochs: Flag.Int("epochs").pipe(
      Flag.withDescription("Epochs of each turn"),
      Flag.withSchema(Positive),
      Flag.withDefault(2)
    ),
    ...Device.flags
  },
  Effect.fn("igm.ledger")(function* ({ features, labels, tau, epochs, engine, device }) {
    const options = { labels, tau, epochs, radii: [1e-15, 1e-10, 1e-4] }
    const measure = Device.withTrainer({ engine, device }, { threads: 1 }, () =>
      LedgerCommand.ledger(features, options)
    )
    yield* Console.log(yield* measure)
  })
).pipe(Command.withDescription("Measure what modification and perturbation do to heads on given features"))

/** What is asked about runs that were made. */
const aboutRuns = [
  RunsCommand.command,
  ShowCommand.command,
  DiffCommand.command,
  FeaturesCommand.command,
  GcCommand.command,
  SchemaCommand.command
] as const

/** The whole command. */
export const cli = root.pipe(
  Command.withSubcommands([run, replay, ...aboutRuns, exportRun, predict, EncodersCommand.command, ledger, data])
)

/** The command on this process's arguments. */
export const main = cli.pipe(
  Command.run({ version: "0.1.0" }),
  Effect.provide(Progress.layer.pipe(Layer.provideMerge(NodeServices.layer)))
)
