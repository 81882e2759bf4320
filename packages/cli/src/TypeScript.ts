/**
 * Typechecks one program by the installed TypeScript compiler. It runs in a child process with this repository's
 * options, from a configuration in a temporary folder. Unused names do not make a program invalid, so those two options
 * are off. The compiler's own memory of an earlier check spares it most of the work: the framework is checked again only
 * where one of its files has changed.
 */
import { Context, Effect, FileSystem, Layer, Path, Schema, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { createRequire, findPackageJSON } from "node:module"
import { fileURLToPath, pathToFileURL } from "node:url"

/** An error of the compiler: its place (lines and columns from 1), and its message with the lines that explain it. */
export interface Complaint {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly text: readonly [string, ...ReadonlyArray<string>]
}

/** The result of a check. */
type Verdict =
  /** The program is well typed; `files` are those that this depends on, for an installed package its package.json. */
  | { readonly kind: "passed"; readonly files: ReadonlyArray<string> }
  | { readonly kind: "refused"; readonly complaints: readonly [Complaint, ...ReadonlyArray<Complaint>] }
  /** The check was not possible, with the reason. */
  | { readonly kind: "unchecked"; readonly why: string }

interface Shape {
  /** The compiler's version, `none` where it is not installed. */
  readonly version: string
  /** Checks the program with this absolute path. */
  readonly check: (program: string) => Effect.Effect<Verdict>
}

const root = fileURLToPath(new URL("../../../", import.meta.url))

const Compiler = Schema.fromJsonString(
  Schema.Struct({ version: Schema.String, bin: Schema.Struct({ tsc: Schema.String }) })
)

const decodeType = Schema.decodeEffect(
  Schema.fromJsonString(Schema.Struct({ type: Schema.optionalKey(Schema.String) }))
)

/** Typechecks programs. */
export class TypeScript extends Context.Service<TypeScript, Shape>()("@igm/cli/TypeScript") {
  /** A layer without a compiler: no program is checked. */
  static readonly layerNone = Layer.succeed(TypeScript, {
    version: "none",
    check: () => Effect.succeed({ kind: "unchecked", why: "TypeScript is not installed: npm install typescript" })
  })

  /** The layer of the compiler that this package resolves, or of none. */
  static readonly layer = Layer.unwrap(
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
      const manifest = yield* Effect.try({
        try: () => createRequire(import.meta.url).resolve("typescript/package.json"),
        catch: (cause) => cause
      })
      const { version, bin } = yield* fs.readFileString(manifest).pipe(Effect.flatMap(Schema.decodeEffect(Compiler)))
      const tsc = path.join(path.dirname(manifest), bin.tsc)

      // Since version 7 there are four, each of which resolves by itself what they share: twice the work in all.
      const checkers = Number.parseInt(version) < 7 ? [] : ["--checkers", "1"]

      // A folder for one check lies beside the one that is kept: the paths in a memory are relative to its folder.
      const scratch = fs.makeDirectory(cache, { recursive: true }).pipe(
        Effect.andThen(fs.makeTempDirectoryScoped({ directory: cache, prefix: "check-" })),
        Effect.catch(() => fs.makeTempDirectoryScoped({ prefix: "igm-check-" }))
      )

      const compile = Effect.fnUntraced(function* (program: string) {
        const folder = yield* scratch
        const config = path.join(folder, "tsconfig.json")
        const nearest = yield* Effect.try({
          try: () => findPackageJSON(pathToFileURL(program)),
          catch: (cause) => cause as Error
        })
        const { type } = nearest === undefined ? {} : yield* Effect.flatMap(fs.readFileString(nearest), decodeType)
        const isDetected = type === undefined && program.endsWith(".ts")
        yield* fs.writeFileString(config, JSON.stringify(configOf(program, isDetected)))
        const memory = path.join(folder, MEMORY)
        const kept = path.join(cache, isDetected ? "detected" : "declared", MEMORY)
        yield* Effect.ignore(fs.copyFile(kept, memory))
        const options = ["--listFiles", "--pretty", "false", "--locale", "en", "--tsBuildInfoFile", memory]
        const args = [tsc, "--project", config, "--incremental", ...options, ...checkers]
        const handle = yield* spawner.spawn(ChildProcess.make(process.execPath, args, { stdin: "ignore" }))
        const [said, code] = yield* Effect.all([Stream.mkString(Stream.decodeText(handle.all)), handle.exitCode], {
          concurrency: "unbounded"
        })
        const lines = said.split(/\r?\n/)
        // What a program remembers that uses little of the framework would be no help to the next.
        if (lines.includes(FRAMEWORK)) {
          const keep = fs.makeDirectory(path.dirname(kept), { recursive: true })
          yield* Effect.ignore(Effect.andThen(keep, fs.rename(memory, kept)))
        }
        const verdict = verdictOf(lines, code, path)
        return verdict.kind === "passed" && nearest !== undefined
          ? { ...verdict, files: [...new Set([...verdict.files, nearest])] }
          : verdict
      })

      const check = Effect.fn("TypeScript.check")((program: string) =>
        compile(program).pipe(
          Effect.scoped,
          Effect.catch((error) =>
            Effect.succeed<Verdict>({ kind: "unchecked", why: `TypeScript cannot be run: ${error.message}` })
          )
        )
      )
      return Layer.succeed(TypeScript, { version, check })
    }).pipe(Effect.catch(() => Effect.succeed(TypeScript.layerNone)))
  )
}

const baseConfig = `${root}tsconfig.json`

/** The folder of the compiler's memories: one for each of the two ways to resolve modules. */
const cache = `${root}node_modules/.cache/igm/types`

/** A memory of the compiler: the files of a check, with the digests of their texts. */
const MEMORY = "memory.tsbuildinfo"

/** The room that every program imports, and that imports most others. */
const FRAMEWORK = `${root}packages/experiment/src/index.ts`

/**
 * The configuration for the check of a program. Where its package names no type of module, Node detects from its text
 * that it is an ECMAScript module; the compiler does so only under a bundler's resolution.
 */
const configOf = (program: string, isDetected: boolean) => ({
  extends: baseConfig,
  compilerOptions: {
    typeRoots: [`${root}node_modules/@types`],
    noEmit: true,
    noUnusedLocals: false,
    noUnusedParameters: false,
    ...(isDetected ? { module: "ESNext", moduleResolution: "bundler" } : {})
  },
  files: [program],
  include: []
})

const COMPLAINT = /^(\S.*)\((\d+),(\d+)\): error TS\d+: (.*)$/

const INSTALLED = /^(.*[/\\]node_modules[/\\](?:@[^/\\]+[/\\])?[^/\\]+)[/\\]/

/** Parses the compiler's output: its errors, each with the indented lines below it, and the files that it read. */
const verdictOf = (lines: ReadonlyArray<string>, code: number, path: Path.Path): Verdict => {
  const complaints: Array<Complaint> = []
  const files = new Set([baseConfig])
  for (const line of lines) {
    const last = complaints.at(-1)
    const [, file, row, column, text] = COMPLAINT.exec(line) ?? []
    if (file !== undefined) {
      complaints.push({ file: path.resolve(file), line: Number(row), column: Number(column), text: [text!] })
    } else if (last !== undefined && line.startsWith("  ")) {
      complaints[complaints.length - 1] = { ...last, text: [...last.text, line] }
    } else if (path.isAbsolute(line)) {
      const installed = INSTALLED.exec(line)?.[1]
      files.add(installed === undefined ? line : path.join(installed, "package.json"))
    }
  }
  const [first, ...others] = complaints
  if (first !== undefined) return { kind: "refused", complaints: [first, ...others] }
  if (code === 0) return { kind: "passed", files: [...files] }
  return {
    kind: "unchecked",
    why: `TypeScript cannot check it: ${lines.find((line) => /error/i.test(line)) ?? lines[0]}`
  }
}
