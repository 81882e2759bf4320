/**
 * The files that a program consists of: its direct and indirect imports, found by scanning the source texts. The
 * framework's own sources and installed packages are left out, since they have versions of their own; so are type-only
 * imports. Module names that are computed at run time are not found.
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

/** Names of code files; other files, such as JSON, count by their content alone. */
const CODE = /\.[cm]?[jt]s$/

/** A quoted name without interpolation. */
const NAME = /\s*(["'`])([^"'`\n$]+)\1\s*/.source

/**
 * Finds the names of other files in code: modules that it imports or requires, and files that it locates relative to
 * itself.
 */
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

/**
 * Resolves names relative to a file; unresolvable names are skipped, since the module loader reports them if they are
 * needed.
 */
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

/** The files of a program besides its own module, by their paths. */
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
