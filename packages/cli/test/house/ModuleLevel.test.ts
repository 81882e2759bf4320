/** Nothing lives at module level in library code: a scope owns every process, thread and cache. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { fileURLToPath } from "node:url"
import { find } from "./moduleLevel.ts"

const packages = fileURLToPath(new URL("../../../", import.meta.url))

/** Files that are programs: what lives in one ends with its process or thread. */
const ENTRIES = /(\.(main|worker|process)|\/bin)\.ts$/

/** Sources of all rooms, by their paths below `packages`. */
const sources = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const rooms = yield* fs.readDirectory(packages)
  const files = yield* Effect.forEach(rooms, (room) =>
    Effect.map(fs.readDirectory(`${packages}${room}/src`, { recursive: true }), (names) =>
      names.filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts")).map((name) => `${room}/src/${name}`)
    )
  )
  return files.flat().filter((file) => !ENTRIES.test(file))
})

describe("find", () => {
  const planted: ReadonlyArray<readonly [text: string, found: ReadonlyArray<string>]> = [
    ["let count = 0", ["let count"]],
    ["export let count = 0", ["let count"]],
    ["const known = new Map()\nexport const f = (k) => known.set(k, 1)", ["known is written to"]],
    ["const known = new Map<number, WeakRef<object>>()\nfunction f(k) { known.set(1, k) }", ["known is written to"]],
    ["const list: Array<number> = []\nexport const f = () => list.push(1)", ["list is written to"]],
    ["const list = []\nexport const f = () => { list[0] = 1 }", ["list is written to"]],
    ["const by = {}\nexport const f = (k) => { by[k] = 1; delete by.a }", ["by is written to"]],
    ["const held = { bytes: 0 }\nexport const f = () => held.bytes++", ["held is written to"]],
    ["const room = new Float32Array(9)\nexport const f = () => room.fill(1)", ["room is written to"]],
    ["const child = spawn('node', [])", ["spawn at module level"]],
    ["const child = cp.execFileSync('node')", ["execFileSync at module level"]],
    ["export const pool = [new Worker('a.js')]", ["new Worker at module level"]],
    ["class A { static worker = new Worker('a.js') }", ["new Worker at module level"]],
    ["class A { static known = [] }\nexport const f = () => A.known.push(1)", ["A is written to"]],
    ["const runtime = ManagedRuntime.make(layer)", ["make at module level"]],
    ["const permits = Semaphore.makeUnsafe(4)", ["makeUnsafe at module level"]],
    ["export const f = () => Effect.runSync(effect)", ["runSync"]],
    ["effect.pipe(Effect.runPromiseExit)", ["runPromiseExit"]],
    ["export const f = (runtime) => runtime.runFork(effect)", ["runFork"]]
  ]
  for (const [text, found] of planted) {
    it(`finds what is planted in ${JSON.stringify(text)}`, () => {
      assert.deepStrictEqual([...find("a.ts", text).keys()], found)
    })
  }

  it("leaves alone what is constant, weak, or belongs to a call or an object", () => {
    const text = `
      const NAMES = new Map([["a", 1]])
      const LIST = ["a", "b"].map((x) => x + x)
      const notes = new WeakMap()
      export const noted = (k) => notes.set(k, 1)
      declare let outside: number
      export const sorted = LIST.toSorted()
      export const f = (LIST) => { const known = new Map(); known.set(1, 2); LIST.push(3); return NAMES.get("a") }
      export const start = () => new Worker("a.js")
      export const make = Effect.gen(function* () { let n = 0; const idle = []; idle.push(n++); return spawn("node") })
      class A { worker = new Worker("a.js"); list = []; add(x) { this.list.push(x) } }`
    assert.deepStrictEqual([...find("a.ts", text)], [])
  })
})

/** State that a thread has once, by its room and file, and why; none of it is a process, a thread, or grows. */
const ONCE: { readonly [found: string]: string } = {
  "gradient/Head.ts: drawn is written to": "the last 16 draws",
  "gradient/Projection.ts: identities is written to": "weak references; those to nothing are removed",
  "media/Kernels.ts: let held": "how much of the kernels' memory the calls on the stack hold",
  "media/Kernels.ts: new Instance at module level": "compiled loops; what lies in their memory is lost with the call",
  "tensor/Memory.ts: lent is written to": "memory that the next result of a thread is to lie in",
  "tensor/Memory.ts: let isByHand": "a thread says once that it does little else than to decode",
  "training/TfjsBackend.ts: makeUnsafe at module level": "TensorFlow.js has one current backend in a thread",
  "training/TfjsNative.ts: let claim": "TensorFlow's library serves one thread of a process",
  "training/TfjsWebGpu.ts: let card": "Dawn opens a card once in a thread"
}

describe("Library code", () => {
  it.effect("has nothing at module level, and runs no effect past its caller", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const found = yield* Effect.forEach(yield* sources, (file) =>
        Effect.map(fs.readFileString(packages + file), (text) =>
          Array.from(find(file, text), ([what, line]) => ({
            name: `${file.replace(/\/src\/(.*\/)?/, "/")}: ${what}`,
            place: `${file}:${line}: ${what}`
          }))
        )
      )
      const all = found.flat()
      assert.deepStrictEqual(
        all.flatMap(({ name, place }) => (Object.hasOwn(ONCE, name) ? [] : [place])),
        []
      )
      const names = new Set(all.map(({ name }) => name))
      assert.deepStrictEqual(
        Object.keys(ONCE).filter((name) => !names.has(name)),
        [],
        "mended: take them off the list"
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
