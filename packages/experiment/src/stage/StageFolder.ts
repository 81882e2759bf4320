/**
 * The folder into which a stage's body writes files; they become part of its artifact when the body succeeds. They are
 * regular files, no links or pipes, of any names but `output.json`, `within.json` and `artifact.json`.
 */
import { IoError } from "@igm/io"
import type { Digest } from "@igm/tensor"
import { Context, Effect, FileSystem } from "effect"

/** The working folder of a stage's body. */
export class StageFolder extends Context.Service<
  StageFolder,
  {
    /** The name of the stage and the digest of the work, which identify the artifact. */
    readonly stage: string
    readonly digest: Digest.Digest
    readonly folder: string
  }
>()("@igm/experiment/StageFolder") {}

/** Fails if the body of a stage wrote a file of a name that its artifact needs. */
export const checkUnused = Effect.fnUntraced(function* (stage: string, folder: string, file: string) {
  const fs = yield* FileSystem.FileSystem
  if (!(yield* Effect.orElseSucceed(fs.exists(`${folder}/${file}`), () => false))) return
  const problem = `its body writes ${file}, which its artifact has of its own: give the file another name`
  return yield* new IoError({ path: `the stage ${stage}`, problem })
})
