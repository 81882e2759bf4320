/**
 * The files that a program consists of: what it imports, and what those import, as far as the texts tell. The framework's
 * own sources and installed packages are left out; they have versions of their own. So is what is imported for its types
 * alone. A name that is put together as the program runs is not known.
 */
import { IoError, ioError } from "@igm/io"
import { Digest } from "@igm/tensor"
import { Effect, FileSystem, Option, Path, Result } from "effect"
import { parse } from "es-module-lexer/js"
import { resolve } from "import-meta-resolve"
import { createRequire } from "node:module"
import { isAbsolute } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import * as CodeVersion from "./CodeVersion.ts"

/** A file, by its absolute path, and its SHA-256. */
export interface Module {
  readonly path: string
  readonly digest: Digest.Digest
}

/** Names of files that hold code; of others, such as JSON, only their content counts. */
const CODE = /\.[cm]?[jt]s$/

/** A name in quotes of any kind, without anything that is put in as it runs. */
const NAME = /\s*(["'`])([^"'`\n$]+)\1\s*/.source

/** The names of others in the code of a file: modules that it imports or requires, and files that lie beside it. */
const namesIn = (text: string) => {
  const [imports] = parse(text)
  const imported = imports.flatMap((found) =>
    typeof found.specifier === "string" && !("typeOnly" in found && found.typeOnly) ? [found.specifier] : []
  )
  const all = (before: string, after: string) =>
    [...text.matchAll(new RegExp(`${before}\\s*\\(${NAME}${after}`, "g"))].map(([, , name]) => name!)
  const beside = all("\\bnew\\s+URL", ",\\s*import\\.meta\\.url").map((name) =>
    /^(\.{0,2}\/|\w+:)/.test(name) ? name : `./${name}`
  )
  return {
    imported: [...imported, ...all("\\bimport\\.meta\\.resolve", "\\)"), ...beside],
    required: all("\\brequire(?:\\.resolve)?", "\\)")
  }
}

/** The files that names lead to from a file; what cannot be found is the loader's to tell, if it is ever asked for. */
const resolved = ({ imported, required }: ReturnType<typeof namesIn>, from: string): ReadonlyArray<string> => {
  const attempt = (find: () => string) => Option.toArray(Result.getSuccess(Result.try(find)))
  const require = createRequire(from)
  return [
    ...imported
      .flatMap((name) => attempt(() => resolve(name, pathToFileURL(from).href)))
      .flatMap((address) => (address.startsWith("file:") ? attempt(() => fileURLToPath(address)) : [])),
    ...required.flatMap((name) => attempt(() => require.resolve(name)).filter((file) => isAbsolute(file)))
  ]
}

/** The files that a program consists of besides its own, by their paths. */
export const of = Effect.fn("ModuleGraph.of")(function* (program: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const digests = new Map<string, Digest.Digest>()
  const isOwn = (file: string) => !file.split(path.sep).includes("node_modules") && !CodeVersion.covers(file)
  // Node takes a module for the file that a link leads to, and looks for what it imports beside that.
  const main = yield* fs.realPath(program).pipe(Effect.mapError(ioError(program, "read this module")))
  const open = [main]
  const seen = new Set(open)
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    const bytes = yield* fs.readFile(file).pipe(Effect.mapError(ioError(file, "read this module")))
    digests.set(file, Digest.ofBytes(bytes))
    if (!CODE.test(file)) continue
    const names = yield* Effect.try({
      try: () => namesIn(new TextDecoder().decode(bytes)),
      catch: (cause) => new IoError({ path: file, problem: "what this module imports cannot be found out", cause })
    })
    for (const target of resolved(names, file)) {
      const real = yield* Effect.option(fs.realPath(target))
      if (real._tag === "None" || seen.has(real.value) || !isOwn(real.value)) continue
      const info = yield* Effect.option(fs.stat(real.value))
      if (info._tag === "None" || info.value.type !== "File") continue
      seen.add(real.value)
      open.push(real.value)
    }
  }
  digests.delete(main)
  return [...digests].map(([path, digest]): Module => ({ path, digest })).toSorted((a, b) => (a.path < b.path ? -1 : 1))
})
