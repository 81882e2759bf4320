/**
 * A stage: a named and versioned computation, whose input and output have schemas, and whose body is an Effect with its
 * errors and requirements in its type. Its output is an artifact, stored under the digest of name, version, schemas and
 * input: a stage whose artifact is stored does not run again. Stages compose with Effect's own combinators: in
 * sequence, in parallel, in loops, and nested in the body of another stage.
 *
 * ```ts
 * const half = Stage.make("half", {
 *   version: 1,
 *   input: Schema.Struct({ number: Schema.Finite }),
 *   output: Schema.Finite,
 *   run: ({ number }) => Effect.succeed(number / 2)
 * })
 * const program = half.run({ number: 3 })
 * ```
 *
 * A body depends on its input alone. Large values stay in files: a body gives them as its output, or writes them into
 * its `StageFolder`; a later stage takes a `Reference` in its input and reads it by `load`. In a body, Effect's
 * `Random` is keyed by the work and its `Clock` is fixed, and `Checkpoints` let it resume after it was killed.
 */
import { type Artifact, ArtifactStore, AtomicFile, IoError, type Work, contentOf, digestOf } from "@igm/io"
import { Digest, Name, Setting } from "@igm/tensor"
import { Clock, Effect, type FileSystem, Path, Predicate, Random, Schema } from "effect"
import { Checkpoints } from "./Checkpoints.ts"
import * as Fixed from "./Fixed.ts"
import { Body, Run } from "../run/Run.ts"
import { Sha256 } from "../run/RunFiles.ts"
import { noEffect } from "./NoEffect.ts"
import { StageFolder, checkUnused } from "./StageFolder.ts"

/**
 * The member of an input that holds a location in the store. It is not part of the key, since the digest of the content
 * is, which stands beside it.
 */
export const PLACE = "$at"

/** A reference to an artifact, for the input of a stage: the stage runs again if its content changes. */
export const Reference = Schema.Struct({
  content: Schema.String,
  [PLACE]: Schema.Struct({ stage: Schema.String, digest: Schema.String })
})

/** The reference to an artifact. */
export const reference = (artifact: Artifact): typeof Reference.Type => ({
  content: contentOf(artifact),
  [PLACE]: { stage: artifact.stage, digest: artifact.digest }
})

/** The folder of a referenced artifact. Fails if the store no longer has it complete. */
export const folderOf = Effect.fn("Stage.folderOf")(function* ({
  stage,
  digest
}: {
  readonly stage: string
  readonly digest: string
}) {
  const store = yield* ArtifactStore
  const artifact = yield* store.find(stage, digest as Digest.Digest)
  if (artifact !== undefined) return artifact.folder
  const problem = "this artifact is not in the store any more, or damaged: run the program again, which makes it anew"
  return yield* new IoError({ path: `${store.folder}/${stage}/${digest}`, problem })
})

/** The services that a stage provides to its body. */
export type Provided = Checkpoints | StageFolder

/** The services that running a stage requires. */
export type Environment = ArtifactStore | Run | FileSystem.FileSystem | Path.Path

/** A stage's output, the artifact that holds it, and a reference to the artifact for the input of another stage. */
export interface Stored<O> {
  readonly value: O
  readonly artifact: Artifact
  readonly ref: typeof Reference.Type
}

/** Options of a run of a stage. */
export interface Options {
  /** The name of the artifact for people; by default the stage's name. */
  readonly name?: string
  /**
   * A description of the device or libraries, if they may change the bits of the output; it becomes part of the
   * artifact's key.
   */
  readonly on?: Digest.Json
}

/** The definition of a stage. */
export interface Parts<I, O, E, R> {
  /** The version, to be raised when the body computes something else from the same input. */
  readonly version: number
  /**
   * The schema of everything that the body depends on. Objects named `$at` beside a digest are locations, which are not
   * part of the key.
   */
  readonly input: Schema.Codec<I, unknown>
  readonly output: Schema.Codec<O, unknown>
  readonly run: (input: I) => Effect.Effect<O, E, R>
}

/** A stage from `I` to `O`. */
export interface Stage<I, O, E = never, R = never> {
  readonly name: string
  /** Gives the output for an input; the body runs unless its artifact is stored. */
  readonly run: (input: I, options?: Options) => Effect.Effect<O, E | IoError, Environment | Exclude<R, Provided>>
  /** The digest of the work on an input, which identifies its artifact. */
  readonly digest: (input: I, options?: Options) => Digest.Digest
  /** Like `run`, but gives the artifact as well. */
  readonly stored: (
    input: I,
    options?: Options
  ) => Effect.Effect<Stored<O>, E | IoError, Environment | Exclude<R, Provided>>
  /** Loads the output of one of the stage's artifacts. Fails if the store no longer has it. */
  readonly load: (ref: typeof Reference.Type) => Effect.Effect<O, IoError, ArtifactStore | FileSystem.FileSystem>
}

/** The file of an artifact that holds the stage's output. */
export const OUTPUT = "output.json"

/** Tells if a member of an object is the location of a content whose digest stands beside it. */
const isPlace = (name: string, value: Digest.Json, members: { readonly [name: string]: Digest.Json }): boolean =>
  name === PLACE && Predicate.isObject(value) && Object.values(members).some((other) => Schema.is(Sha256)(other))

/** A JSON value without the members that hold locations. */
const withoutPlaces = (json: Digest.Json): Digest.Json => {
  if (typeof json !== "object" || json === null) return json
  if (Array.isArray(json)) return (json as ReadonlyArray<Digest.Json>).map(withoutPlaces)
  const members = json as { readonly [name: string]: Digest.Json }
  return Object.fromEntries(
    Object.entries(members).flatMap(([name, member]) =>
      isPlace(name, member, members) ? [] : [[name, withoutPlaces(member)]]
    )
  )
}

/**
 * Makes a stage; its types are inferred from the parts. Throws a `NameError` for a name that cannot name a folder of
 * artifacts, and a `SettingError` for a version that is no whole number.
 */
export const make = <I, O, E = never, R = never>(name: string, parts: Parts<I, O, E, R>): Stage<I, O, E, R> => {
  Name.key("the name of a stage", name)
  const { version } = Setting.check(`the stage ${name}`, Version, { version: parts.version })
  // JSON's own, so that numbers and values that it has no word for are told apart, and come back as they were.
  const [input, output] = [Schema.toCodecJson(parts.input), Schema.fromJsonString(Schema.toCodecJson(parts.output))]
  const schemas = schemasOf(parts)

  const encode = Schema.encodeSync(input)
  const decode = Schema.decodeUnknownSync(input)
  const misfit = (of: "input" | "output", cause: unknown) =>
    new TypeError(`the stage ${name}: its ${of} does not fit its schema: ${(cause as Error).message}`, { cause })
  /** An input as its key has it. */
  const jsonOf = (given: I): Digest.Json => {
    try {
      // What JSON has no word for, such as -0, is no part of a key: then the body does not see it either.
      return JSON.parse(JSON.stringify(encode(given))) as Digest.Json
    } catch (cause) {
      throw misfit("input", cause)
    }
  }
  const workOf = (json: Digest.Json, options: Options): Work => ({
    stage: name,
    version,
    ...options,
    key: { input: withoutPlaces(json), schemas }
  })

  const stored = Effect.fn("Stage.run")(function* (given: I, options: Options = {}) {
    const path = yield* Path.Path
    const store = yield* ArtifactStore
    // An input that its schema does not allow is a fault of the program.
    const json = yield* Effect.sync(() => jsonOf(given))
    const work = workOf(json, options)
    yield* Effect.annotateCurrentSpan({ stage: name, name: options.name ?? name })
    const digest = digestOf(work)
    const artifact = yield* store.getOrMake(work, (folder) =>
      Effect.gen(function* () {
        const body = parts.run(decode(json))
        const problem = noEffect(body)
        if (problem !== undefined) throw new TypeError(`the stage ${name}: its body ${problem}`)
        const value = yield* body.pipe(provided({ stage: name, digest, folder }, yield* Run))
        const text = yield* Schema.encodeEffect(output)(value).pipe(
          Effect.mapError((cause) => misfit("output", cause)),
          Effect.orDie
        )
        yield* checkUnused(name, folder, OUTPUT)
        yield* AtomicFile.write(path.join(folder, OUTPUT), `${text}\n`)
      })
    )
    yield* Run.use((run) => run.drop(digest))
    const found: Stored<O> = { value: yield* read(artifact.folder), artifact, ref: reference(artifact) }
    return found
  })

  const read = Effect.fnUntraced(function* (folder: string) {
    const file = `${folder}/${OUTPUT}`
    return yield* Schema.decodeEffect(output)(new TextDecoder().decode(yield* AtomicFile.read(file))).pipe(
      Effect.mapError((cause) => new IoError({ path: file, problem: "this is not the output of its stage", cause }))
    )
  })

  const load = Effect.fn("Stage.load")(function* ({ [PLACE]: at }: typeof Reference.Type) {
    const folder = yield* folderOf(at)
    if (at.stage === name) return yield* read(folder)
    return yield* new IoError({ path: folder, problem: `this is an artifact of ${at.stage}, and not of ${name}` })
  })
  return {
    name,
    stored,
    load,
    run: (input, options) => Effect.map(stored(input, options), ({ value }) => value),
    digest: (input, options = {}) => digestOf(workOf(jsonOf(input), options))
  }
}

const Version = Schema.Struct({ version: Setting.natural })

/** Provides a body with its folder, its checkpoints, and deterministic random numbers and time. */
const provided =
  (place: StageFolder["Service"], run: Run["Service"]) =>
  <A, E, R>(body: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Provided>> =>
    Effect.gen(function* () {
      const { digest } = place
      const random = Fixed.numbers(digest)
      const checkpoints = Checkpoints.of({
        work: digest,
        keep: (bytes) => run.keep(digest, bytes),
        kept: (decode) => run.kept(digest, decode),
        drawn: random
      })
      return yield* body.pipe(
        Effect.provideService(StageFolder, place),
        Effect.provideService(Body, place.stage),
        Effect.provideService(Checkpoints, checkpoints),
        Effect.provideService(Random.Random, random),
        Effect.provideService(Clock.Clock, Fixed.standing(yield* Clock.Clock))
      )
    }) as Effect.Effect<A, E, Exclude<R, Provided>>

/** The digest of a stage's schemas. */
const schemasOf = <I, O, E, R>({ input, output }: Parts<I, O, E, R>): Digest.Digest =>
  Digest.ofJson(
    JSON.parse(JSON.stringify([Schema.toJsonSchemaDocument(input), Schema.toJsonSchemaDocument(output)])) as Digest.Json
  )
