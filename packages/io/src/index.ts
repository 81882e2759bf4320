/** What every stage needs of the machine: whole writes, a store of artifacts, and progress that a person can see. */
export { type Artifact, ArtifactStore } from "./ArtifactStore.ts"
export * as AtomicFile from "./AtomicFile.ts"
export * as Folder from "./Folder.ts"
export { IoError, ioError } from "./IoError.ts"
export { Progress } from "./Progress.ts"
