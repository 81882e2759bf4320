/** The folder of runs, which also contains the store of the artifacts that they share. */
import { ArtifactStore } from "@igm/io"
import { Context, Layer } from "effect"
import { STORE } from "./Runs.ts"

/** The path of the folder that contains the runs. */
export class RunStore extends Context.Service<RunStore, { readonly folder: string }>()("@igm/experiment/RunStore") {
  /** Provides the folder, and the artifact store in its subfolder `.store`. */
  static readonly layer = (folder: string) =>
    Layer.merge(Layer.succeed(RunStore, RunStore.of({ folder })), ArtifactStore.layer(`${folder}/${STORE}`))
}
