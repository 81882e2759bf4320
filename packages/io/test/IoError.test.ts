import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, PlatformError, Schema } from "effect"
import { getSystemErrorMap } from "node:util"
import { ioError, systemSaid } from "../src/index.ts"
import { failure } from "./Disk.ts"

const codes = [...getSystemErrorMap().values()].map(([code]) => code)

/** Codes whose sentences are plain enough without them. */
const PLAIN = new Set([
  "ENOENT",
  "EACCES",
  "EPERM",
  "EEXIST",
  "ENOTDIR",
  "EISDIR",
  "ENOTEMPTY",
  "EROFS",
  "ENOSPC",
  "EDQUOT"
])

describe("IoError", () => {
  it.prop(
    "every code of the system is told in words, never as an unknown error, and named unless the words are everyday ones",
    { code: Schema.Literals(codes) },
    ({ code }) => {
      for (const cause of [failure(code), { code }, new Error("in another error", { cause: failure(code) })]) {
        const { message } = ioError("/a/file", "read this file")(cause)
        assert.match(message, /^\/a\/file: cannot read this file: [a-z]/)
        assert.notMatch(message, /unknown:|FileSystem/i)
        if (!PLAIN.has(code)) assert.include(message, `(${code})`)
      }
    }
  )

  it("says what to do where files or their names run out", () => {
    const told = (code: string) => ioError("a", "open this")(failure(code)).problem
    assert.strictEqual(
      told("EMFILE"),
      "cannot open this: this process may not open more files (EMFILE): raise the limit, as by `ulimit -n 4096`, and start it again"
    )
    assert.include(told("ENFILE"), "the system has too many files open (ENFILE): end other programs")
    assert.include(told("ENAMETOOLONG"), "take a shorter one")
    assert.strictEqual(told("ENOSPC"), "cannot open this: the disk is full")
  })

  it("finds the code in what is left of an error of another thread, and in no other text", () => {
    assert.include(
      systemSaid(new Error("its thread failed: Worker initialization failure: EMFILE")),
      "more files (EMFILE)"
    )
    assert.include(systemSaid({ cause: "Error: EMFILE: too many open files, open '/a'\n    at open" }), "(EMFILE)")
    for (const text of ["/data/EIO/a.png: not a picture", "EMFILES: none", "the class EIO is not known", "EOF"]) {
      assert.isUndefined(systemSaid(new Error(text)), text)
    }
    assert.isUndefined(systemSaid(PlatformError.systemError({ _tag: "Unknown", module: "FileSystem", method: "open" })))
  })

  it.effect("of real files: a name that is too long, and links in a circle", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      yield* fs.symlink(`${folder}/a`, `${folder}/b`)
      yield* fs.symlink(`${folder}/b`, `${folder}/a`)
      const read = (path: string) =>
        Effect.flip(fs.readFile(path).pipe(Effect.mapError(ioError(path, "read this file"))))
      assert.include((yield* read(`${folder}/a`)).message, "its symbolic links lead round in a circle (ELOOP)")
      assert.include(
        (yield* read(`${folder}/${"a".repeat(300)}`)).message,
        "too long for the file system (ENAMETOOLONG)"
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
