/**
 * One byte at a time of a finished run, its store and an exported bundle is made another, and every command that reads is
 * tried: it says what it said before, or refuses and names the place. After that the command that made the run is given
 * again, and has to leave the bytes of the undamaged run, or to refuse. What nothing notices and nothing heals is wrong
 * only where something reads it: then some command's words would be others.
 */
import { RunFolder } from "@igm/experiment"
import { AtomicFile } from "@igm/io"
import { Keyed } from "@igm/tensor"
import { Effect, FileSystem, Path } from "effect"
import { recordings } from "../../packages/cli/test/fixture.ts"
import { type Said, igm } from "./InProcess.ts"
import * as Remains from "./Remains.ts"

/** A byte of a file that is made another; `by` is what it is combined with by exclusive or. */
interface Flip {
  readonly file: string
  readonly at: number
  readonly by: number
}

/** The result of a flipped byte: problems, and the commands that noticed it. */
export interface Outcome extends Flip {
  readonly refused: ReadonlyArray<string>
  readonly after: "as it was" | "refused" | "untouched"
  readonly wrong: ReadonlyArray<string>
}

/** The files to damage: a folder of runs with two of them, a bundle, and media to predict from. */
interface Scene {
  readonly root: string
  readonly run: string
  readonly other: string
  readonly commands: { readonly [name: string]: ReadonlyArray<string> }
  readonly again: ReadonlyArray<string>
}

const sceneIn = (path: Path.Path, root: string, made: Omit<Scene, "root" | "commands">): Scene => {
  const at = (...names: ReadonlyArray<string>) => path.join(root, ...names)
  const out = ["--out", at("runs")]
  const [run, other] = [at("runs", made.run), at("runs", made.other)]
  return {
    ...made,
    root,
    commands: {
      runs: ["runs", "--json", ...out],
      show: ["show", run, "--json", ...out],
      diff: ["diff", run, other, ...out],
      features: ["features", "--json", ...out],
      gc: ["gc", "--dry-run", ...out],
      export: ["export", run, "--to", at("again.onnx")],
      predict: ["predict", at("heads.onnx"), "--audio", at("a.wav"), "--image", at("a.png"), "--json"],
      replay: ["replay", run, "--json"]
    }
  }
}

/** The outputs of all commands in a scene, and the file that `export` wrote. */
const survey = Effect.fnUntraced(function* ({ root, commands }: Scene) {
  const fs = yield* FileSystem.FileSystem
  const found: Record<string, Said> = {}
  for (const [name, args] of Object.entries(commands)) {
    const said = yield* igm(...args)
    const written = name === "export" ? yield* Effect.option(fs.readFile(`${root}/again.onnx`)) : undefined
    const bytes = written?._tag === "Some" ? Buffer.from(written.value).toString("base64") : ""
    found[name] = { ...said, text: said.text + bytes }
    yield* fs.remove(`${root}/again.onnx`, { force: true })
  }
  return found
})

/** Files that may be damaged: all that hold something. */
const targets = Effect.fnUntraced(function* (root: string) {
  const fs = yield* FileSystem.FileSystem
  const names = (yield* fs.readDirectory(root, { recursive: true })).toSorted()
  const files = yield* Effect.filter(
    names.filter((name) => name.startsWith("runs/") || name === "heads.onnx"),
    (name) => Effect.map(fs.stat(`${root}/${name}`), ({ type, size }) => type === "File" && size > 0)
  )
  return files
})

/** The kind of a file: its folder and name without what tells it from others of its kind. */
const kindOf = (file: string): string => file.replaceAll(/[0-9a-f]{8,64}/g, "…").replaceAll(/\d+/g, "0")

/** A flip: every kind of file is as likely, and of one kind every file and byte. */
const draw = Effect.fnUntraced(function* (stream: Keyed.Stream, root: string, files: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const kinds = [...new Set(files.map(kindOf))]
  const kind = kinds[Keyed.below(stream, kinds.length)]!
  const alike = files.filter((file) => kindOf(file) === kind)
  const file = alike[Keyed.below(stream, alike.length)]!
  const { size } = yield* fs.stat(`${root}/${file}`)
  const flip: Flip = { file, at: Keyed.below(stream, Number(size)), by: 1 + Keyed.below(stream, 255) }
  return flip
})

/**
 * Describes the problem of a command's output in a damaged scene; an error has to name the damaged file or the folder
 * of its run.
 */
const judge = (name: string, before: Said, after: Said): ReadonlyArray<string> => {
  if (after.defect) return [`${name} broke down: ${after.error}`]
  if (after.error !== undefined) {
    return /runs|heads\.onnx/.test(after.error) ? [] : [`${name} refuses without naming the place: ${after.error}`]
  }
  if (after.text === before.text) return []
  return /cannot be read|damaged/.test(after.text) ? [] : [`${name} says something else, and not why`]
}

/** Flips bytes, one at a time; `watch` is told after each. */
export const run = Effect.fn("Flips.run")(function* (
  options: {
    readonly program: string
    /** True if the program takes recordings. */
    readonly speech: boolean
    readonly flips: number
    readonly seed: number
  },
  watch: (outcomes: ReadonlyArray<Outcome>) => Effect.Effect<void> = () => Effect.void
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const home = yield* fs.makeTempDirectoryScoped({ prefix: "igm-flips-" })
  const [pristine, root] = [path.join(home, "pristine"), path.join(home, "damaged")]
  yield* fs.makeDirectory(root)
  const speech = options.speech ? ["--speech", yield* recordings] : []
  const again = ["run", options.program, ...speech, "--no-check", "--out", path.join(root, "runs")]
  const made: Array<string> = []
  for (const args of [again, [...again, "--seed", "2"]]) {
    const { error } = yield* igm(...args)
    if (error !== undefined) return yield* Effect.die(new Error(error))
    const names = (yield* fs.readDirectory(path.join(root, "runs"))).filter((name) => !name.startsWith("."))
    made.push(names.find((name) => !made.includes(name))!)
  }
  const scene = sceneIn(path, root, { run: made[0]!, other: made[1]!, again })
  yield* igm("export", path.join(root, "runs", scene.run), "--to", path.join(root, "heads.onnx"))
  const media = (yield* fs.readDirectory(path.join(root, "runs"), { recursive: true })).toSorted()
  for (const kind of ["wav", "png"]) {
    const file = media.find((name) => name.endsWith(`.${kind}`))!
    yield* fs.copyFile(path.join(root, "runs", file), path.join(root, `a.${kind}`))
  }
  const before = yield* survey(scene)
  for (const [name, { error }] of Object.entries(before)) {
    if (error !== undefined) return yield* Effect.die(new Error(`${name}: ${error}`))
  }
  const remains = yield* Remains.of(path.join(root, "runs"))
  const [used, theirs] = yield* Effect.forEach([scene.run, scene.other], (run) =>
    Effect.map(RunFolder.read(path.join(root, "runs", run)), ({ artifacts }) =>
      artifacts.map(({ stage, digest }) => path.join(".store", stage, digest))
    )
  )
  const others = [scene.other, ...theirs!.filter((folder) => !used!.includes(folder))]
  yield* fs.copy(root, pristine)
  const files = yield* targets(root)

  const outcomes: Array<Outcome> = []
  for (let n = 0; n < options.flips; n++) {
    const flip = yield* draw(Keyed.stream([options.seed, "flip", n]), root, files)
    const target = path.join(root, flip.file)
    const bytes = yield* fs.readFile(target)
    yield* AtomicFile.write(target, bytes.with(flip.at, bytes[flip.at]! ^ flip.by))
    const after = yield* survey(scene)
    const wrong = Object.entries(before).flatMap(([name, said]) => judge(name, said, after[name]!))
    const healed = yield* igm(...scene.again)
    if (healed.error !== undefined) wrong.push(...judge("run", healed, healed))
    else {
      // The other run's files are its own command's to heal.
      const left = Remains.differences(yield* Remains.of(path.join(root, "runs")), remains)
      wrong.push(...left.filter((text) => !others.some((folder) => text.startsWith(folder))))
    }
    outcomes.push({
      ...flip,
      refused: Object.entries(after).flatMap(([name, { error }]) => (error === undefined ? [] : [name])),
      after: healed.error !== undefined ? "refused" : flip.file === "heads.onnx" ? "untouched" : "as it was",
      wrong
    })
    yield* watch(outcomes)
    yield* fs.remove(root, { recursive: true })
    yield* fs.copy(pristine, root)
  }
  return outcomes
}, Effect.scoped)

/** The outcomes in words. */
export const text = (outcomes: ReadonlyArray<Outcome>): string => {
  const kinds = [...Map.groupBy(outcomes, ({ file }) => kindOf(file))].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const wrong = outcomes.filter((outcome) => outcome.wrong.length > 0)
  return [
    ...kinds.map(([kind, of]) => {
      const refused = [...new Set(of.flatMap((outcome) => outcome.refused))]
      const after = [...Map.groupBy(of, (outcome) => outcome.after)].map(([how, { length }]) => `${length} ${how}`)
      const by = refused.length === 0 ? "read by no command" : `refused by ${refused.join(", ")}`
      return `${kind}: ${of.length} flips, ${by}; after another run ${after.join(", ")}`
    }),
    ...wrong.flatMap(({ file, at, by, wrong }) => [
      `WRONG: ${file}, byte ${at} ^ ${by}:`,
      ...wrong.map((one) => `  ${one}`)
    ]),
    `${outcomes.length} flips, ${wrong.length} of them in silence.`
  ].join("\n")
}
