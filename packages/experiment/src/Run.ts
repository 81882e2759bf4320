/**
 * A run: an experiment program, its arguments and its environment, in a folder of its own that is named by them. One
 * process at a time has it; what happens is told to its journal, trainings leave checkpoints in it, and whatever is made
 * or reused is noted. The same command again finds the same folder and goes on where the run before it was stopped.
 */
import { type Artifact, ArtifactStore, AppendFile, AtomicFile, IoError, Lock, contentOf, digestOf } from "@igm/io"
import type { Digest } from "@igm/tensor"
import { Clock, Context, Effect, FileSystem, Layer, Path } from "effect"
import { hostname } from "node:os"
import * as Journal from "./Journal.ts"
import { files as names } from "./RunFiles.ts"

/** What a stage's body may ask of the run that it is part of. */
export class Run extends Context.Service<
  Run,
  {
    /** How much is recorded of each training: epochs, or a fingerprint of each tensor after each step as well. */
    readonly trace: "epoch" | "step"
    /** What the journal told before this start. */
    readonly history: ReadonlyArray<Journal.Record>
    readonly tell: (news: Journal.News, options?: { readonly flush?: boolean }) => Effect.Effect<void, IoError>
    /** Keeps where unfinished work stands. */
    readonly keep: (work: Digest.Digest, bytes: Uint8Array) => Effect.Effect<void, IoError>
    /** Where unfinished work stood, unless what was kept cannot be used: then that is noted, and the work begins anew. */
    readonly kept: <A>(
      work: Digest.Digest,
      decode: (bytes: Uint8Array) => { readonly checkpoint: A } | { readonly problem: string }
    ) => Effect.Effect<A | undefined, IoError>
    /** Forgets where work stood that is finished. */
    readonly drop: (work: Digest.Digest) => Effect.Effect<void>
  }
>()("@igm/experiment/Run") {
  /** No run: nothing is kept or told. */
  static readonly unrecorded = (trace: "epoch" | "step"): Run["Service"] =>
    Run.of({
      trace,
      history: [],
      tell: () => Effect.void,
      keep: () => Effect.void,
      kept: () => Effect.succeed(undefined),
      drop: () => Effect.void
    })

  static readonly layerNone = Layer.sync(Run, () => Run.unrecorded("epoch"))

  /**
   * The run in a folder, which is this process's until the scope closes. A process that has it already is waited for. The
   * artifact store is handed on, and tells the journal of what it is asked for.
   */
  static readonly layer = (folder: string, { trace }: { readonly trace: "epoch" | "step" }) =>
    Layer.effectContext(
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const store = yield* ArtifactStore
        const files = Effect.provideContext(Context.make(FileSystem.FileSystem, fs).pipe(Context.add(Path.Path, path)))
        yield* Lock.wait(folder, "igm run", ({ message }) => Effect.logInfo(`waiting for the same run: ${message}`))
        yield* sweep(folder)
        const journal = yield* AppendFile.open(path.join(folder, names.journal), Journal.Record)

        const tell: Run["Service"]["tell"] = (news, options) =>
          Clock.currentTimeMillis.pipe(
            Effect.flatMap((at) => journal.append({ ...news, at } as Journal.Record, options)),
            Effect.asVoid,
            Effect.mapError((error) =>
              error._tag === "IoError" ? error : new IoError({ path: error.path, problem: error.message, cause: error })
            )
          )
        const fileOf = (work: Digest.Digest) => path.join(folder, names.checkpoint(work))
        const run = Run.of({
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
            if ("checkpoint" in found) return found.checkpoint
            const note = `the checkpoint ${file} is not used: ${found.problem}`
            yield* Effect.logWarning(note)
            yield* tell({ kind: "note", note })
            return undefined
          }, files),
          drop: (work) => Effect.ignore(fs.remove(fileOf(work), { force: true }))
        })

        const told = ({ stage, name, digest, reused, files }: Artifact) =>
          tell({ kind: "stored", stage, name, digest, content: contentOf({ files }), reused })
        const observed = ArtifactStore.of({
          ...store,
          getOrMake: (work, make) => {
            const { stage, name = stage } = work
            const making = tell({ kind: "making", stage, name, digest: digestOf(work) })
            return store
              .getOrMake(work, (scratch) => Effect.andThen(making, make(scratch)))
              .pipe(Effect.tap(told)) as never
          }
        })
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

/** Removes what a killed process left half written in a folder that is now ours. */
const sweep = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const names = yield* Effect.orElseSucceed(fs.readDirectory(folder, { recursive: true }), () => [])
  for (const name of names) {
    if (path.basename(name).startsWith(AtomicFile.PARTIAL)) yield* Effect.ignore(fs.remove(path.join(folder, name)))
  }
})
