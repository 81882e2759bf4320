/**
 * A stage: work with a name and a version, whose input and output have schemas, and whose body is an Effect with its errors
 * and requirements in its type. Its output is an artifact, stored under the digest of all that: a stage whose artifact is
 * stored does not run again. Stages compose with Effect's own combinators, in parallel too.
 *
 * Large values stay in files: a body writes them into the artifact's folder, and a later stage takes a `Reference` as part
 * of its input.
 */
import { type Artifact, ArtifactStore, AtomicFile, IoError, contentOf, digestOf } from "@igm/io"
import { Digest, Name } from "@igm/tensor"
import { Effect, Path, Schema } from "effect"

/** An artifact in the input of a stage: the stage runs again if its content is another. */
export const Reference = Schema.Struct({ stage: Schema.String, digest: Schema.String, content: Schema.String })

/** The reference to an artifact. */
export const reference = (artifact: Artifact): typeof Reference.Type => ({
  stage: artifact.stage,
  digest: artifact.digest,
  content: contentOf(artifact)
})

/** Where a body works: its files go into the folder, which is the artifact's once the body has succeeded. */
export interface Place {
  readonly folder: string
  /** The digest of the work, which names it everywhere. */
  readonly digest: Digest.Digest
}

/** A stage from `I` to `O`. */
export interface Stage<I, O, E = never, R = never> {
  readonly name: string
  /** Raised when the body makes something else of the same input. */
  readonly version: number
  readonly input: Schema.Codec<I, unknown>
  readonly output: Schema.Codec<O, unknown>
  readonly body: (input: I, place: Place) => Effect.Effect<O, E, R>
}

/** A stage's output, and the artifact that holds it. */
export interface Stored<O> {
  readonly value: O
  readonly artifact: Artifact
}

/** A stage, its types found from its parts. Throws a `NameError` for a name that no folder of artifacts can have. */
export const make = <I, O, E = never, R = never>(stage: Stage<I, O, E, R>): Stage<I, O, E, R> => {
  Name.key("the name of a stage", stage.name)
  return stage
}

/** The file of an artifact that holds the stage's output. */
export const OUTPUT = "output.json"

/** How a run of a stage is told apart. */
export interface Options {
  /** What a person calls it; the stage's name by default. */
  readonly name?: string
  /** What it runs on, where that may change its bits. */
  readonly on?: Digest.Json
}

/** Runs a stage unless its artifact is stored. */
export const run = Effect.fn("Stage.run")(function* <I, O, E, R>(
  stage: Stage<I, O, E, R>,
  input: I,
  options: Options = {}
) {
  const path = yield* Path.Path
  const store = yield* ArtifactStore
  // JSON's own, so that numbers and values that it has no word for are told apart, and come back as they were.
  const output = Schema.fromJsonString(Schema.toCodecJson(stage.output))
  const work = {
    stage: stage.name,
    version: stage.version,
    ...options,
    key: {
      input: (yield* Effect.orDie(Schema.encodeEffect(Schema.toCodecJson(stage.input))(input))) as Digest.Json,
      schemas: schemasOf(stage)
    }
  }
  yield* Effect.annotateCurrentSpan({ stage: stage.name, name: options.name ?? stage.name })
  const digest = digestOf(work)
  const artifact = yield* store.getOrMake(work, (folder) =>
    Effect.gen(function* () {
      const value = yield* stage.body(input, { folder, digest })
      const text = yield* Effect.orDie(Schema.encodeEffect(output)(value))
      yield* AtomicFile.write(path.join(folder, OUTPUT), `${text}\n`)
    })
  )
  const file = path.join(artifact.folder, OUTPUT)
  const value = yield* Schema.decodeEffect(output)(new TextDecoder().decode(yield* AtomicFile.read(file))).pipe(
    Effect.mapError((cause) => new IoError({ path: file, problem: "this is not the output of its stage", cause }))
  )
  const stored: Stored<O> = { value, artifact }
  return stored
})

/** The digest of a stage's schemas. */
const schemasOf = <I, O, E, R>({ input, output }: Stage<I, O, E, R>): Digest.Digest =>
  Digest.ofJson(
    JSON.parse(JSON.stringify([Schema.toJsonSchemaDocument(input), Schema.toJsonSchemaDocument(output)])) as Digest.Json
  )
