/** The folder into which a stage's body writes files; they become part of its artifact when the body succeeds. */
import type { Digest } from "@igm/tensor"
import { Context } from "effect"

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
