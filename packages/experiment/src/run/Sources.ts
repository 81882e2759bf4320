/** The code of a run: the program's own file, the files that it imports, and the framework's packages. */
import { FileDigest, ioError } from "@igm/io"
import { Effect, Path } from "effect"
import * as CodeVersion from "./CodeVersion.ts"
import * as ModuleGraph from "./ModuleGraph.ts"

/** The files of a program, and the version of the framework. */
export interface Sources {
  readonly program: ModuleGraph.Module
  readonly modules: ReadonlyArray<ModuleGraph.Module>
  readonly code: CodeVersion.CodeVersion
}

/** Finds the code of the program in a file. */
export const of = Effect.fn("Sources.of")(function* (program: string) {
  const path = yield* Path.Path
  const file = path.resolve(program)
  const code = yield* CodeVersion.codeDigest
  const modules = yield* ModuleGraph.of(file)
  const digest = yield* FileDigest.of(file).pipe(Effect.mapError(ioError(file, "read this program")))
  const sources: Sources = { program: { path: file, digest }, modules, code }
  return sources
})
