/**
 * A program of stages of its own, without encoders and heads, that has arguments of every kind. What the command does with
 * any program is tried with it.
 */
import { Args, Checkpoints, Experiment, Run, Stage, StageFolder } from "@igm/experiment"
import { AtomicFile } from "@igm/io"
import { Report } from "@igm/report"
import { Digest } from "@igm/tensor"
import { Effect, Random, Schema } from "effect"

const FILE = "numbers.json"

const Numbers = Schema.Array(Schema.Finite)

/** Draws numbers into a file, with a checkpoint after each; gives how many they are. */
const numbers = Stage.make("numbers", {
  version: 1,
  input: Schema.Struct({ seed: Args.Seed, count: Args.Count }),
  output: Schema.Int,
  run: Effect.fnUntraced(function* ({ count }) {
    const { folder } = yield* StageFolder
    const checkpoints = yield* Checkpoints.json(Numbers)
    const found = [...((yield* checkpoints.last) ?? [])]
    while (found.length < count) {
      found.push(yield* Random.next)
      yield* checkpoints.save(found)
    }
    yield* AtomicFile.write(`${folder}/${FILE}`, JSON.stringify(found))
    return found.length
  })
})

const Way = Schema.Literals(["sum", "mean"])

/** Adds up, or averages, scaled numbers of the store. */
const total = Stage.make("total", {
  version: 1,
  input: Schema.Struct({ numbers: Stage.Reference, scale: Schema.Finite, by: Way }),
  output: Schema.Finite,
  run: Effect.fnUntraced(function* ({ numbers, scale, by }) {
    const folder = yield* Stage.folderOf(numbers.$at)
    const text = new TextDecoder().decode(yield* AtomicFile.read(`${folder}/${FILE}`))
    const all = yield* Effect.orDie(Schema.decodeEffect(Schema.fromJsonString(Numbers))(text))
    const sum = all.reduce((sum, number) => sum + scale * number, 0)
    return by === "sum" ? sum : sum / all.length
  })
})

/** The text of a file, which the run says that it read. */
const noted = Effect.fnUntraced(function* (path: string) {
  const bytes = yield* AtomicFile.read(path)
  yield* Run.use(({ reads }) => reads([{ path, digest: Digest.ofBytes(bytes) }]))
  return new TextDecoder().decode(bytes)
})

export default Experiment.make("own", {
  description: "Adds up numbers that it draws",
  args: Schema.Struct({
    seed: Args.seed,
    perTotal: Args.Count.pipe(Args.defaultsTo(3), Args.describe("How many numbers are drawn")),
    scales: Schema.NonEmptyArray(Schema.Finite).pipe(
      Args.defaultsTo([1, 0.5]),
      Args.describe("The scales of the totals")
    ),
    by: Way.pipe(Args.defaultsTo("sum"), Args.describe("How numbers become a total")),
    rounded: Schema.Boolean.pipe(Args.defaultsTo(false), Args.describe("Round the totals in the table")),
    label: Schema.optionalKey(Schema.String.pipe(Args.describe("A word for the report"))),
    notes: Schema.optionalKey(Args.File.pipe(Args.describe("A text for the report"))),
    folders: Schema.optionalKey(Schema.Array(Args.Folder).pipe(Args.describe("Folders that are looked at")))
  }),
  run: Effect.fn(function* ({ seed, perTotal, scales, by, rounded, label = "none", notes }) {
    const text = notes === undefined ? "" : yield* noted(notes)
    const { artifact } = yield* numbers.stored({ seed, count: perTotal })
    const given = { numbers: Stage.reference(artifact), by }
    const totals = yield* Effect.forEach(
      scales,
      (scale) => total.run({ ...given, scale }, { name: `total of scale ${scale}` }),
      { concurrency: "unbounded" }
    )
    yield* Run.use(({ attach }) => attach({ "totals.json": `${JSON.stringify({ totals })}\n` }))
    const rows = scales.map((scale, i) => [scale, rounded ? Math.round(totals[i]!) : totals[i]!])
    return Report.make("Totals of numbers", [
      Report.table("Totals", ["scale", by], rows, { terminal: true }),
      Report.facts("Label", { label }),
      Report.text("Notes", text)
    ])
  })
})
