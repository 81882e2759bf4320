/**
 * A run: an experiment program with its arguments and environment, in a folder that is named by them. One process at a
 * time holds it; its journal records events, stages keep checkpoints in it, and every artifact that is computed or
 * reused is recorded. The same command finds the same folder again and resumes an interrupted run.
 */
import {
  type Artifact,
  ArtifactStore,
  AppendFile,
  AtomicFile,
  IoError,
  Lock,
  Progress,
  type Work,
  contentOf,
  digestOf
} from "@igm/io"
import { type Digest, Name } from "@igm/tensor"
import { Clock, Context, Effect, FileSystem, Layer, Path, Schema } from "effect"
import { hostname } from "node:os"
import * as Journal from "./Journal.ts"
import * as ProgramOrder from "../stage/ProgramOrder.ts"
import { checkUnused } from "../stage/StageFolder.ts"
import { Inside, files as names } from "./RunFiles.ts"

/** An external file that a program reads, and its SHA-256. */
export interface Input {
  readonly path: string
  readonly digest: Digest.Digest
}

/** Contents of files by their names in the run's folder. */
export type Files = { readonly [name: string]: string | Uint8Array }

/** The run that executes a program. */
export class Run extends Context.Service<
  Run,
  {
    /**
     * The level of detail in the record of each training: epochs only, or additionally a fingerprint of each tensor
     * after each step.
     */
    readonly trace: "epoch" | "step"
    /** The journal's records from before this start. */
    readonly history: ReadonlyArray<Journal.Record>
    readonly tell: (news: Journal.News, options?: { readonly flush?: boolean }) => Effect.Effect<void, IoError>
    /** Saves a checkpoint of unfinished work. */
    readonly keep: (work: Digest.Digest, bytes: Uint8Array) => Effect.Effect<void, IoError>
    /**
     * Reads the checkpoint of unfinished work. If it cannot be used, a note is recorded and the work starts from the
     * beginning.
     */
    readonly kept: <A>(
      work: Digest.Digest,
      decode: (bytes: Uint8Array) => { readonly checkpoint: A } | { readonly problem: string }
    ) => Effect.Effect<A | undefined, IoError>
    /** Removes the checkpoint of finished work. */
    readonly drop: (work: Digest.Digest) => Effect.Effect<void>
    /** Records external files that are read, for the check of inputs before a replay. */
    readonly reads: (files: ReadonlyArray<Input>) => Effect.Effect<void, IoError>
    /** The recorded files, by path. */
    readonly inputs: Effect.Effect<ReadonlyArray<Input>>
    /** Attaches result files to the run's folder, by names such as `heads/igm.safetensors`. */
    readonly attach: (files: Files) => Effect.Effect<void, IoError>
    /** The attached files. */
    readonly attached: Effect.Effect<Files>
  }
>()("@igm/experiment/Run") {
  /** A service without a run: nothing is saved or recorded. */
  static readonly unrecorded = (trace: "epoch" | "step"): Run["Service"] =>
    Run.of({
      ...noting(),
      trace,
      history: [],
      tell: () => Effect.void,
      keep: () => Effect.void,
      kept: () => Effect.succeed(undefined),
      drop: () => Effect.void
    })

  static readonly layerNone = Layer.sync(Run, () => Run.unrecorded("epoch"))

  /**
   * Opens the run in a folder, which this process holds until the scope closes; waits if another process holds it. It
   * also provides the artifact store, wrapped so that the journal records the requested artifacts.
   */
  static readonly layer = (folder: string, { trace }: { readonly trace: "epoch" | "step" }) =>
    Layer.effectContext(
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const store = yield* ArtifactStore
        // In the body of a stage the clock stands still.
        const clock = yield* Clock.Clock
        const files = Effect.provideContext(Context.make(FileSystem.FileSystem, fs).pipe(Context.add(Path.Path, path)))
        yield* Lock.wait(folder, "igm run", ({ message }) => Effect.logInfo(`waiting for the same run: ${message}`))
        yield* sweep(folder)
        const journal = yield* AppendFile.open(path.join(folder, names.journal), Journal.Record)

        const tell: Run["Service"]["tell"] = (news, options) =>
          clock.currentTimeMillis.pipe(
            Effect.flatMap((at) => journal.append({ ...news, at } as Journal.Record, options)),
            Effect.asVoid,
            Effect.mapError((error) =>
              error._tag === "IoError" ? error : new IoError({ path: error.path, problem: error.message, cause: error })
            )
          )
        const fileOf = (work: Digest.Digest) => path.join(folder, names.checkpoint(work))
        const run = Run.of({
          ...noting(),
          trace,
          history: journal.records,
          tell,
          keep: (work, bytes) =>
            AtomicFile.write(fileOf(work), bytes).pipe(
              Effect.andThen(tell({ kind: "checkpoint", digest: work, bytes: bytes.length })),
              files
            ),
          kept: Effect.fnUntraced(function* (work, decode) {
            const file = fileOf(work)
            if (!(yield* Effect.orElseSucceed(fs.exists(file), () => false))) return undefined
            const found = decode(yield* AtomicFile.read(file))
            if ("checkpoint" in found) {
              yield* tell({ kind: "resumed", digest: work })
              return found.checkpoint
            }
            const note = `the checkpoint ${file} is not used: ${found.problem}`
            yield* Effect.logWarning(note)
            yield* tell({ kind: "note", note })
            return undefined
          }, files),
          drop: (work) => Effect.ignore(fs.remove(fileOf(work), { force: true }))
        })

        const shown = yield* Effect.serviceOption(Progress)
        const addPart = shown._tag === "Some" ? yield* shown.value.parts : () => Effect.void
        const begun = new Map<Digest.Digest, number>()
        const told = Effect.fnUntraced(function* ({ stage, name, digest, reused, files }: Artifact) {
          yield* tell({ kind: "stored", stage, name, digest, content: contentOf({ files }), reused })
          if (reused) return
          const at = yield* clock.currentTimeMillis
          yield* addPart({ kind: stage, name, milliseconds: at - (begun.get(digest) ?? at) })
        })
        const making = Effect.fnUntraced(function* (work: Work) {
          const { stage, name = stage } = work
          const digest = digestOf(work)
          begun.set(digest, yield* clock.currentTimeMillis)
          yield* tell({ kind: "making", stage, name, digest })
        })
        const observed = observe(store, { making, told })
        yield* tell({ kind: "started", process: process.pid, host: hostname() })
        if (journal.recovered > 0) {
          yield* tell({
            kind: "note",
            note: `the journal's last line was half written: ${journal.recovered} bytes cut off`
          })
        }
        return Context.make(Run, run).pipe(Context.add(ArtifactStore, observed))
      })
    )
}

/** A name as a file system has it that does not tell capitals from small letters. */
const folded = (name: string): string => name.normalize("NFC").toLowerCase()

/** The names at the top of a run's folder that are the run's own. */
const OWN = new Set(
  [
    names.manifest,
    names.journal,
    names.reportData,
    names.report,
    names.spans,
    Lock.FILE,
    Lock.HOLDER,
    names.figure(""),
    names.checkpoint("")
  ].map((file) => folded(file.split("/")[0]!))
)

/**
 * Tells if a program may attach a file of this name: it must be inside the run's folder, not one of the run's own files,
 * and printable.
 */
const isFree = (name: string): boolean =>
  Schema.is(Inside)(name) &&
  name === Name.visible(name) &&
  !name.startsWith(".") &&
  !OWN.has(folded(name.split("/")[0]!))

/** Tells if two names cannot be files of one folder: they differ in capitals only, or one is a folder of the other. */
const clash = (a: string, b: string): boolean => {
  const [one, other] = [folded(a), folded(b)]
  return a !== b && (one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`))
}

/** Records the inputs and the attached files of a program, in memory. */
const noting = (): Pick<Run["Service"], "reads" | "inputs" | "attach" | "attached"> => {
  const noted = new Map<string, Input>()
  const left = new Map<string, string | Uint8Array>()
  return {
    attach: Effect.fnUntraced(function* (files) {
      yield* outsideOfBodies("leave files in the run: give them as output, and leave them from the program")
      for (const [name, content] of Object.entries(files)) {
        const other = [...left.keys()].find((other) => clash(name, other))
        const problem = !isFree(name)
          ? "a program cannot leave a file of this name in a run: give it another"
          : other !== undefined
            ? `a program cannot leave it beside ${other} in a run: give it a name that differs in more than capitals`
            : typeof content === "string" || content instanceof Uint8Array
              ? undefined
              : "a program cannot leave a file in a run whose content is neither a text nor bytes"
        if (problem !== undefined) return yield* new IoError({ path: Name.visible(name), problem })
        left.set(name, content)
      }
    }),
    attached: Effect.sync(() => Object.fromEntries([...left].toSorted(([a], [b]) => (a < b ? -1 : 1)))),
    reads: Effect.fnUntraced(function* (files) {
      yield* outsideOfBodies("note files that it reads: read them in the program, and give their content as input")
      files.forEach((file) => noted.set(file.path, file))
    }),
    inputs: Effect.sync(() => [...noted.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1)))
  }
}

/** The name of the stage whose body runs, if one does. */
export const Body = Context.Reference<string | undefined>("@igm/experiment/Run/Body", { defaultValue: () => undefined })

/** Fails in the body of a stage: it does not run again when its artifact is reused, and what it noted would be lost. */
const outsideOfBodies = (act: string) =>
  Effect.flatMap(Body, (stage) =>
    stage === undefined
      ? Effect.void
      : Effect.fail(new IoError({ path: `the stage ${stage}`, problem: `its body cannot ${act}` }))
  )

/** The file of an artifact that lists the artifacts that its body requested. */
const WITHIN = "within.json"

const Within = Schema.fromJsonString(
  Schema.Array(Schema.Struct({ stage: Schema.String, name: Schema.String, digest: Schema.String }))
)

/** Callbacks on the artifacts of a store. */
interface Observer {
  readonly making: (work: Work) => Effect.Effect<void, IoError>
  readonly told: (artifact: Artifact) => Effect.Effect<void, IoError>
}

/** The artifacts that the body of a reused artifact had requested; the body itself does not run again. */
const within = Effect.fnUntraced(function* (store: ArtifactStore["Service"], { folder, files }: Artifact) {
  if (files[WITHIN] === undefined) return []
  const path = `${folder}/${WITHIN}`
  const text = new TextDecoder().decode(yield* AtomicFile.read(path))
  const damaged = (cause: unknown) => new IoError({ path, problem: "this file is damaged", cause })
  const named = yield* Effect.mapError(Schema.decodeEffect(Within)(text), damaged)
  const found = yield* Effect.forEach(named, ({ stage, name, digest }) =>
    Effect.map(store.find(stage, digest as Digest.Digest), (one) => (one === undefined ? [] : [{ ...one, name }]))
  )
  return found.flat()
})

/** Wraps a store so that it records the program's requests in program order and reports them. */
export const observe = (
  store: ArtifactStore["Service"],
  { making, told }: Observer = { making: () => Effect.void, told: () => Effect.void }
): ArtifactStore["Service"] => {
  const getOrMake = <E, R>(work: Work, make: (scratch: string) => Effect.Effect<void, E, R>) =>
    Effect.gen(function* () {
      const artifact = yield* store.getOrMake(work, (scratch) =>
        Effect.gen(function* () {
          yield* making(work)
          const [, asked] = yield* ProgramOrder.collected<Artifact, void, E, R>(make(scratch))
          yield* checkUnused(work.stage, scratch, WITHIN)
          if (asked.length === 0) return
          const named = asked.map(({ stage, name, digest }) => ({ stage, name, digest }))
          yield* AtomicFile.write(`${scratch}/${WITHIN}`, yield* Effect.orDie(Schema.encodeEffect(Within)(named)))
        })
      )
      yield* told(artifact)
      return [...(yield* within(store, artifact)), artifact]
    }).pipe(
      ProgramOrder.asked,
      Effect.map((answers) => answers.at(-1)!)
    )
  return ArtifactStore.of({ ...store, getOrMake: getOrMake as ArtifactStore["Service"]["getOrMake"] })
}

/** Removes partial files of a killed process from a folder that this process now holds. */
const sweep = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const names = yield* Effect.orElseSucceed(fs.readDirectory(folder, { recursive: true }), () => [])
  for (const name of names) {
    if (path.basename(name).startsWith(AtomicFile.PARTIAL)) yield* Effect.ignore(fs.remove(path.join(folder, name)))
  }
})
