/**
 * Files and observability: atomic writes, an artifact store, folder locks, append-only files, progress bars and spans.
 */
export * as AppendFile from "./AppendFile.ts"
export {
  type Artifact,
  ArtifactStore,
  contentOf,
  described,
  Described,
  digestOf,
  RECORD,
  USE,
  type Work
} from "./ArtifactStore.ts"
export * as AtomicFile from "./AtomicFile.ts"
export * as FileDigest from "./FileDigest.ts"
export * as Folder from "./Folder.ts"
export { IoError, ioError, systemSaid } from "./IoError.ts"
export * as Lock from "./Lock.ts"
export { Progress } from "./Progress.ts"
export * as Scratch from "./Scratch.ts"
export * as Sealed from "./Sealed.ts"
export * as Spans from "./Spans.ts"
