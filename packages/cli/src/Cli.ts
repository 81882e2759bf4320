/** The commands of `igm` and the layers they run on. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Fsdd } from "@igm/av-digits"
import { Igm } from "@igm/gradient"
import { ArtifactStore, Progress } from "@igm/io"
import { RunFolder, Runs } from "@igm/experiment"
import { MediaDecoder } from "@igm/media"
import { Console, Effect, Layer, Option, Path, Schema, Stdio } from "effect"
import { Argument, CliOutput, Command, Flag, TerminalCapabilities } from "effect/cli"
import { fileURLToPath } from "node:url"

import * as DataCommand from "./DataCommand.ts"
import * as DeviceFlags from "./DeviceFlags.ts"
import * as DiffCommand from "./DiffCommand.ts"
import * as EncodersCommand from "./EncodersCommand.ts"
import * as ExportCommand from "./ExportCommand.ts"
import * as FeaturesCommand from "./FeaturesCommand.ts"
import * as GcCommand from "./GcCommand.ts"
import * as Help from "./Help.ts"
import * as LedgerCommand from "./LedgerCommand.ts"
import * as PredictCommand from "./PredictCommand.ts"
import * as ProgramFile from "./ProgramFile.ts"
import * as ProgramFlags from "./ProgramFlags.ts"
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
      Flag.withDescription("When something fails, print all that is known about it (default: false)"),
      Flag.withDefault(false)
    )
  })
)

const Positive = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
const NonNegative = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

const threads = Flag.Int("threads").pipe(
  Flag.withDescription(
    "How many trainings run at a time, each in a thread of its own; the results do not change (default: 1)"
  ),
  Flag.withSchema(Positive),
  Flag.withDefault(1)
)

/** The program that `igm run` is called with, and the flags of its arguments. */
interface Asked {
  readonly loaded: ProgramFile.Loaded
  /** The path of its file, for messages. */
  readonly file: string
  readonly flags: Effect.Success<ReturnType<typeof ProgramFlags.of>>
}

/** The command `igm run` with the flags of a program; without a program it only appears in the list of commands. */
const runOf = (asked: Asked | undefined) =>
  Command.make(
    "run",
    {
      program: Argument.File("program").pipe(
        Argument.withDescription(
          "The experiment's module; its arguments are flags (default: examples/av-digits/experiment.ts)"
        ),
        Argument.withDefault(defaultProgram)
      ),
      args: asked?.flags ?? {},
      out: RunFlags.out,
      check: Flag.Boolean("check").pipe(
        Flag.withDescription(
          "Typecheck the program first, or not (--no-check); what passed is remembered (default: true)"
        ),
        Flag.withDefault(true)
      ),
      trace: Flag.Literals("trace", ["epoch", "step"]).pipe(
        Flag.withDescription(
          "Record a digest after each epoch, or fingerprints of all tensors after each step as well (default: epoch)"
        ),
        Flag.withDefault("epoch" as const)
      ),
      ...DeviceFlags.flags,
      threads
    },
    Effect.fn("igm.run")(function* ({ program, args, out, check, trace, threads, ...said }) {
      const path = yield* Path.Path
      const store = ArtifactStore.layer(path.join(out, Runs.STORE))
      const { layer, refused } = yield* DeviceFlags.layers(yield* DeviceFlags.wanted(said), { threads })
      const run = Effect.gen(function* () {
        const loaded = asked?.loaded ?? (yield* ProgramFile.load(program, { check }))
        yield* RunCommand.run({ loaded, given: ProgramFlags.givenIn(args), trace, out, refused })
      })
      yield* run.pipe(Effect.provide(Layer.mergeAll(layer, store, TypeScript.layer)))
    })
  ).pipe(
    Command.withDescription(
      asked === undefined
        ? "Run an experiment and write its report (igm run FILE --help tells its flags)"
        : ProgramFlags.inLine(
            asked.loaded.experiment.description ??
              `Run the experiment ${asked.loaded.experiment.name} and write its report`
          )
    )
  )

/** Loads the program that the command line names. */
const askedBy = Effect.fnUntraced(function* (line: ReadonlyArray<string>) {
  const scanned = ProgramFlags.scan(line)
  if (scanned === undefined) return undefined
  const path = yield* Path.Path
  const { program = defaultProgram, out = "runs", check } = scanned
  const store = ArtifactStore.layer(path.join(out, Runs.STORE))
  const loaded = yield* ProgramFile.load(program, { check }).pipe(Effect.provide(Layer.merge(store, TypeScript.layer)))
  const file = ProgramFile.shown(path, loaded.file)
  const asked: Asked = { loaded, file, flags: yield* ProgramFlags.of(file, loaded.experiment) }
  return asked
})

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
    ...DeviceFlags.flags,
    threads
  },
  Effect.fn("igm.replay")(function* ({ name, out, from, tolerance, json, threads, ...said }) {
    const path = yield* Path.Path
    const folder = yield* Runs.find(name, out)
    const manifest = yield* RunFolder.read(folder)
    const store = ArtifactStore.layer(path.join(path.dirname(path.resolve(folder)), Runs.STORE))
    const wanted = yield* DeviceFlags.wanted(said, DeviceFlags.ofRun(manifest))
    const { layer, refused } = yield* DeviceFlags.layers(wanted, { threads })
    const found = yield* ReplayCommand.replay({
      folder,
      manifest,
      from: Option.getOrUndefined(from),
      tolerance,
      refused
    }).pipe(Effect.provide(Layer.mergeAll(layer, store, TypeScript.layer)))
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
    json: Flag.Boolean("json").pipe(Flag.withDescription("Print JSON"), Flag.withDefault(false)),
    ...DeviceFlags.encoderFlags
  },
  Effect.fn("igm.predict")(function* ({ model, audio, image, json, ...said }) {
    const runtime = DeviceFlags.encoderLayer(yield* DeviceFlags.encodersWanted(said))
    const prediction = yield* PredictCommand.predict(model, { audio, image }).pipe(Effect.provide(runtime))
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
    ...DeviceFlags.headFlags
  },
  Effect.fn("igm.ledger")(function* ({ features, labels, tau, epochs, ...said }) {
    const options = { labels, tau, epochs, radii: [1e-15, 1e-10, 1e-4] }
    const { layer } = yield* DeviceFlags.headLayer(DeviceFlags.headsWanted(said), { threads: 1 })
    yield* Console.log(yield* LedgerCommand.ledger(features, options).pipe(Effect.provide(layer)))
  })
).pipe(Command.withDescription("Measure what modification and perturbation do to heads on given features"))

/** The commands about existing runs. */
const aboutRuns = [
  RunsCommand.command,
  ShowCommand.command,
  DiffCommand.command,
  FeaturesCommand.command,
  GcCommand.command,
  SchemaCommand.command
] as const

/** The whole command, including a program's flags if it runs one. */
const commandOf = (asked: Asked | undefined) =>
  root.pipe(
    Command.withSubcommands([
      runOf(asked),
      replay,
      ...aboutRuns,
      exportRun,
      predict,
      EncodersCommand.command,
      ledger,
      data
    ])
  )

/** Runs the command with a list of command-line arguments. */
export const igm = Effect.fnUntraced(function* (line: ReadonlyArray<string>) {
  const asked = yield* askedBy(line)
  const { canColor } = yield* TerminalCapabilities.TerminalCapabilities
  const program = asked && {
    name: asked.loaded.experiment.name,
    file: asked.file,
    flags: asked.loaded.experiment.specs.map(({ flag }) => flag)
  }
  yield* Command.runWith(commandOf(asked), { version: "0.1.0" })(line).pipe(
    Effect.provideService(CliOutput.Presenter, Help.presenter(program, canColor))
  )
})

/** Runs the command with this process's arguments. */
export const main = Stdio.Stdio.use(({ args }) => Effect.flatMap(args, igm)).pipe(
  Effect.provide(Layer.merge(Progress.layer, MediaDecoder.layer).pipe(Layer.provideMerge(NodeServices.layer)))
)
