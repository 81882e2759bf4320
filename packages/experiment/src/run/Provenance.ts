/**
 * The provenance of reused artifacts: those that another text of the same program made, or another version of the
 * framework. A stage's version tells when its body means something else; where somebody forgot to raise it, this says
 * which artifacts are old all the same.
 *
 * It is found in the journals of the program's other runs beside a run, and recorded in the run's own journal. An
 * artifact itself does not say who made it, and a manifest does not either: their bytes must not depend on what was in
 * the store before. Of a run that was removed nothing is known any more.
 */
import { type Artifact, AppendFile } from "@igm/io"
import { Digest } from "@igm/tensor"
import { Effect, FileSystem, Path } from "effect"
import * as Journal from "./Journal.ts"
import * as Manifest from "./Manifest.ts"
import { files } from "./RunFiles.ts"
import * as RunFolder from "./RunFolder.ts"

/** A reused artifact that a run with other code made. */
export interface Outdated extends Pick<Artifact, "stage" | "name" | "digest"> {
  /** The id of the run that made it. */
  readonly run: string
}

/** The runs that made artifacts, with the times, by the artifacts' digests. */
type Makers = ReadonlyMap<string, { readonly run: string; readonly at: number }>

/** The digests of the artifacts that a journal says were made, with the times. */
const madeIn = (journal: ReadonlyArray<Journal.Record>): ReadonlyArray<readonly [string, number]> =>
  journal.flatMap((record) => (record.kind === "stored" && !record.reused ? [[record.digest, record.at] as const] : []))

/** Reads who made what in the journals of runs; one that cannot be read tells nothing. */
const makersIn = Effect.fnUntraced(function* (out: string, runs: ReadonlyArray<string>) {
  const path = yield* Path.Path
  const makers = new Map<string, { readonly run: string; readonly at: number }>()
  for (const run of runs) {
    const journal = yield* Effect.option(AppendFile.read(path.join(out, run, files.journal), Journal.Record))
    if (journal._tag === "None") continue
    for (const [digest, at] of madeIn(journal.value.records)) {
      if (at >= (makers.get(digest)?.at ?? -Infinity)) makers.set(digest, { run, at })
    }
  }
  return makers as Makers
})

const codeOf = (manifest: Manifest.Any): Digest.Digest => Digest.ofJson(Manifest.code(manifest))

/**
 * Finds the artifacts that a run in the folder `out` reused and that a run of the same program with other code made.
 * `history` is the run's own journal: what it made itself at an earlier start is of its own code.
 */
export const outdated = Effect.fn("Provenance.outdated")(function* (
  out: string,
  begun: Manifest.Any,
  artifacts: ReadonlyArray<Artifact>,
  history: ReadonlyArray<Journal.Record>
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const own = new Set(madeIn(history).map(([digest]) => digest))
  const reused = artifacts.filter(({ reused, digest }) => reused && !own.has(digest))
  if (reused.length === 0) return []
  const names = (yield* Effect.orElseSucceed(fs.readDirectory(out), () => [])).toSorted()
  const [same, others]: readonly [Array<string>, Array<string>] = [[], []]
  for (const run of names.filter((name) => name.startsWith(`${begun.experiment}-`) && name !== begun.id)) {
    const manifest = yield* Effect.option(RunFolder.glance(path.join(out, run)))
    if (manifest._tag === "None" || manifest.value.experiment !== begun.experiment) continue
    ;(codeOf(manifest.value) === codeOf(begun) ? same : others).push(run)
  }
  const before = yield* makersIn(out, others)
  const isOld = reused.some(({ digest }) => before.has(digest))
  // What was damaged or removed may have been made anew since.
  const since: Makers = isOld ? yield* makersIn(out, same) : new Map()
  return reused.flatMap(({ stage, name, digest }): ReadonlyArray<Outdated> => {
    const [maker, again] = [before.get(digest), since.get(digest)]
    if (maker === undefined || (again !== undefined && again.at >= maker.at)) return []
    return [{ stage, name, digest, run: maker.run }]
  })
})
