/**
 * A process that holds folders for the tests of `Lock`: a line of input is a folder to hold, "wait" or "share" and a
 * folder, or "release"; it answers a line, "held" or why not. With the argument "die-before-telling" it kills itself once it holds the kernel's lock.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Exit, FileSystem, Layer, type Path, Scope } from "effect"
import { createInterface } from "node:readline"
import { type IoError, Lock } from "../src/index.ts"

const dying = Layer.effect(
  FileSystem.FileSystem,
  Effect.map(FileSystem.FileSystem, (fs) => ({
    ...fs,
    rename: () => Effect.sync(() => process.kill(process.pid, "SIGKILL")).pipe(Effect.andThen(Effect.never))
  }))
).pipe(Layer.provideMerge(NodeServices.layer))
const services = process.argv.includes("die-before-telling") ? dying : NodeServices.layer

let scope = Scope.makeUnsafe()
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "release") {
    await Effect.runPromise(Scope.close(scope, Exit.void))
    scope = Scope.makeUnsafe()
    console.log("released")
    continue
  }
  const [how, folder] = /^(wait|share) (.*)$/.exec(line)?.slice(1) ?? ["hold", line]
  const quiet = () => Effect.void
  const take: Effect.Effect<void, IoError | Lock.LockError, FileSystem.FileSystem | Path.Path | Scope.Scope> = {
    hold: Lock.hold(folder!, "a test"),
    wait: Lock.wait(folder!, "a test", quiet),
    share: Lock.share(folder!, quiet)
  }[how as "hold" | "wait" | "share"]
  const hold = take.pipe(
    Effect.match({ onSuccess: () => "held", onFailure: ({ message }) => message }),
    Scope.provide(scope),
    Effect.provide(services)
  )
  console.log(await Effect.runPromise(hold))
}
