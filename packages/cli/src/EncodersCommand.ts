/** `igm encoders`: frozen encoders from published weights or ONNX files, pinned by their digests. */
import { Catalog, type Check, EncoderFolder, type EncoderLock, EncoderRef, Encoders, Hub } from "@igm/encoders"
import { Terminal } from "@igm/report"
import { Digest } from "@igm/tensor"
import { Console, Effect, Layer, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as DeviceFlags from "./DeviceFlags.ts"
import { ProgramError } from "./ProgramError.ts"
import * as RunFlags from "./RunFlags.ts"
import * as Words from "./Words.ts"

/** The error of a folder whose files differ from its lock file. */
class EncodersDiffer extends Schema.TaggedError<EncodersDiffer>()("EncodersDiffer", {
  folder: Schema.String,
  problems: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `${this.folder}: ${this.problems.length} of its encoders cannot be used; igm encoders add makes them anew`
  }
}

const to = Flag.String("to").pipe(
  Flag.withDescription("The folder of the encoders and their lock file"),
  Flag.withDefault(EncoderRef.FOLDER)
)

const short = (digest: string | undefined): string => (digest === undefined ? "" : Digest.short(digest))

const sourceText = ({ source }: EncoderLock.Pin): string =>
  source.kind === "hub" ? `${source.repo} at ${short(source.commit)}` : source.name

const shapeText = ({ inputs, width }: EncoderLock.Pin): string => {
  const ports = Object.entries(inputs).map(([name, { shape }]) => `${name} [${shape.join(", ")}]`)
  return `${ports.join(", ")} to ${width} features`
}

/** The size in bytes of the ONNX file and its external weights. */
const bytesOf = ({ onnx, data = {} }: EncoderLock.Pin): number =>
  Object.values(data).reduce((sum, { bytes }) => sum + bytes, onnx.bytes)

const checkText = ({ name, passed, told }: Check): string => `${name}: ${passed ? told : `not checked, ${told}`}`

/** Describes an added encoder and the checks that it passed. */
const addedText = ({ name, file, pin, reused, checks }: Encoders.Added): string =>
  [
    `${name}: ${reused ? "there already, as pinned" : "added"}`,
    `  from       ${sourceText(pin)}`,
    ...(pin.weights === undefined ? [] : [`  weights    SHA-256 ${pin.weights}`]),
    ...(pin.prefix === undefined ? [] : [`  names      below ${JSON.stringify(pin.prefix)} in that file`]),
    `  ONNX file  ${file}, ${Words.bytes(pin.onnx.bytes)}, SHA-256 ${pin.onnx.sha256}`,
    ...Object.entries(pin.data ?? {}).map(
      ([part, { bytes, sha256 }]) => `  with       ${part}, ${Words.bytes(bytes)}, SHA-256 ${sha256}`
    ),
    `  takes      ${shapeText(pin)}`,
    ...checks.map((check, i) => `  ${i === 0 ? "checks" : "      "}     ${checkText(check)}`)
  ].join("\n")

const listText = (found: ReadonlyArray<EncoderFolder.Listed>, folder: string): string => {
  const rows = found.map(({ name, pin, present }) => {
    const size = present ? Words.bytes(bytesOf(pin)) : "not there"
    return [name, size, short(pin.weights), short(pin.onnx.sha256), sourceText(pin), shapeText(pin)]
  })
  const missing = found.filter(({ present }) => !present).map(({ name }) => name)
  const rest = Object.entries<Catalog.Entry>(Catalog.catalog).filter(([name]) =>
    found.every((one) => one.name !== name)
  )
  const whence = ({ published, weights, licence }: Catalog.Entry) =>
    `${published.kind === "hub" ? published.repo : `${weights} of ${published.where}`} (${licence})`
  return [
    ...(found.length === 0
      ? [`there are no encoders in ${folder}`]
      : Terminal.aligned([["encoder", "size", "weights", "ONNX file", "from", "takes"], ...rows])),
    ...(missing.length === 0 ? [] : ["", `to get what is not there: igm encoders add ${missing.join(", ")}`]),
    "",
    "igm encoders add NAME, of these:",
    ...Terminal.aligned([
      ["name", "what", "weights"],
      ...rest.map(([name, entry]) => [name, entry.title, whence(entry)])
    ])
  ].join("\n")
}

const listing = { to, json: RunFlags.json }

const list = Effect.fn("igm.encoders.list")(function* ({ to, json }: { to: string; json: boolean }) {
  const found = yield* EncoderFolder.list(to)
  yield* Console.log(json ? JSON.stringify(found, null, 2) : listText(found, to))
})

const listCommand = Command.make("list", listing, list).pipe(
  Command.withDescription("List the encoders of a folder, and those that can be added")
)

const optional = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.optional)

const addCommand = Command.make(
  "add",
  {
    encoder: Argument.String("encoder").pipe(
      Argument.withDescription("A name of the catalogue (igm encoders list), or the path of an .onnx file")
    ),
    file: optional("file", "A file of weights on this machine, instead of the published one"),
    name: optional("name", "The name that it gets; needed for an .onnx file"),
    prefix: optional("prefix", "What the names of its weights begin with in their file, where that cannot be told"),
    output: optional("output", "Of an .onnx file, the output that is the features, where it has several"),
    revision: optional("revision", "A branch, tag or commit of the repository, instead of the pinned one or main"),
    repin: Flag.Boolean("repin").pipe(
      Flag.withDescription("Pin what is found now in the place of what is pinned"),
      Flag.withDefault(false)
    ),
    to,
    ...DeviceFlags.encoderFlags
  },
  Effect.fn("igm.encoders.add")(function* ({ encoder, to, repin, ...flags }) {
    const { file, name, output, prefix, revision } = {
      file: Option.getOrUndefined(flags.file),
      name: Option.getOrUndefined(flags.name),
      output: Option.getOrUndefined(flags.output),
      prefix: Option.getOrUndefined(flags.prefix),
      revision: Option.getOrUndefined(flags.revision)
    }
    const onWait = (message: string) => Console.error(`igm: waiting: ${message}`)
    const options = { folder: to, catalog: Catalog.catalog, repin, onWait }
    const isOnnx = encoder.endsWith(".onnx")
    const refuse = (problem: string) => new ProgramError({ path: encoder, problem })
    if (isOnnx && name === undefined) return yield* refuse("give it a name: --name NAME")
    if (isOnnx && (file ?? prefix ?? revision) !== undefined) {
      return yield* refuse("--file, --prefix and --revision are for the catalogue")
    }
    if (!isOnnx && output !== undefined) return yield* refuse("--output is for .onnx files")
    const added = isOnnx
      ? Encoders.addOnnx(encoder, name!, { ...options, output })
      : Encoders.add(encoder, { ...options, name, file, prefix, revision })
    const runtime = DeviceFlags.encoderLayer(yield* DeviceFlags.encodersWanted(flags))
    yield* Console.log(addedText(yield* added.pipe(Effect.provide(Layer.mergeAll(Hub.layer, runtime)))))
  })
).pipe(Command.withDescription("Get an encoder's weights, build its ONNX file, try it, and pin its digests"))

const checkCommand = Command.make(
  "check",
  { to },
  Effect.fn("igm.encoders.check")(function* ({ to }) {
    const found = yield* EncoderFolder.check(to)
    for (const { name, problem } of found) yield* Console.log(`${name}: ${problem ?? "as pinned"}`)
    if (found.length === 0) yield* Console.log(`there are no encoders in ${to}`)
    const problems = found.flatMap(({ problem }) => (problem === undefined ? [] : [problem]))
    if (problems.length > 0) return yield* new EncodersDiffer({ folder: to, problems })
  })
).pipe(Command.withDescription("Hold the encoders of a folder to the digests that are pinned"))

/** The command. */
export const command = Command.make("encoders", listing, list).pipe(
  Command.withDescription("Frozen encoders: what is there, and more of them from published weights or ONNX files"),
  Command.withSubcommands([listCommand, addCommand, checkCommand])
)
