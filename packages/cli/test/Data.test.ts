import { assert, layer as withLayer } from "@effect/vitest"
import { Console, Effect, FileSystem, Schema } from "effect"
import { MediaFile, Picture } from "@igm/media"
import * as Minis from "../../datasets/test/Minis.ts"
import { igm, layer } from "./fixture.ts"

/** What a command prints, and how it ends. */
const said = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const lines: Array<string> = []
  const asides: Array<string> = []
  const told = Object.assign(Object.create(console) as Console.Console, {
    log: (...line: ReadonlyArray<unknown>) => void lines.push(line.join(" ")),
    error: (...line: ReadonlyArray<unknown>) => void asides.push(line.join(" "))
  })
  const exit = yield* Effect.result(igm(...args).pipe(Effect.provideService(Console.Console, told)))
  return {
    text: lines.join("\n"),
    aside: asides.join("\n"),
    problem: exit._tag === "Failure" ? String((exit.failure as Error).message) : null
  }
})

const Everything = Schema.fromJsonString(
  Schema.Struct({
    usable: Schema.Boolean,
    rows: Schema.Int,
    used: Schema.Record(Schema.String, Schema.Array(Schema.Struct({ id: Schema.String }))),
    faults: Schema.Array(Schema.Struct({ problem: Schema.String }))
  })
)

withLayer(layer, { excludeTestServices: true })("igm data", (it) => {
  it.effect("tells what of a folder would be used, row by row, and ends in a failure where it is not whole", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const [root, out] = [yield* fs.makeTempDirectoryScoped(), yield* fs.makeTempDirectoryScoped()]
      yield* Minis.cremaD(root, { train: 3, test: 1 })
      const check = (...more: ReadonlyArray<string>) =>
        said("data", "check", "crema-d", "--data", root, "--out", out, ...more)
      const whole = yield* check("--decode")
      assert.isNull(whole.problem)
      assert.include(whole.text, "rows        24 listed; 0 faults")
      assert.include(whole.text, "4 groups in two splits or more: 1001, 1002, 1003, 1004")
      assert.match(whole.text, /\nusable$/)
      const apart = yield* check("--split", "independent")
      assert.include(apart.text, "no group is in two splits")
      const few = yield* check("--limit", "1")
      assert.include(few.text, "train 1 in 1 group")

      yield* fs.remove(`${root}/AudioWAV/1001_TRA_X0_XX.wav`)
      yield* fs.writeFileString(`${root}/Image-01-FPS/1002_TRA_X1_XX/00001.jpg`, "no picture")
      yield* fs.writeFileString(`${root}/annotations/test.csv`, "1001_TES_X0_XX,NEU\n1002_TES_X1_XX,ODD\n")
      const damaged = yield* check("--decode", "--json")
      assert.strictEqual(damaged.problem, `${root}: not usable as it is: 3 faults`)
      const { usable, rows, used, faults } = yield* Schema.decodeEffect(Everything)(damaged.text)
      assert.deepStrictEqual([usable, rows, faults.length], [false, 20, 3])
      const ids = Object.values(used).flatMap((samples) => samples.map(({ id }) => id))
      assert.deepStrictEqual([ids.length, ids.includes("1002_TRA_X1_XX")], [17, false])
      const text = (yield* check("--decode")).text
      assert.include(text, `${root}/annotations/test.csv:2: emotion: "ODD" is none of NEU`)
      assert.include(text, `${root}/annotations/train.csv:1: audio: AudioWAV/1001_TRA_X0_XX.wav is missing`)
      assert.match(text, /train\.csv:2: video: .*00001\.jpg: /)
      const stats = yield* said("data", "stats", "crema-d", "--data", root, "--out", out)
      assert.include(
        stats.aside,
        "rows with faults, of which there are 2, are left out: igm data check crema-d tells all"
      )
    }).pipe(Effect.scoped)
  )

  it.effect("reads lists of other names where they are named, and says which of several could be", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const [root, out] = [yield* fs.makeTempDirectoryScoped(), yield* fs.makeTempDirectoryScoped()]
      for (const split of ["train", "test"]) {
        const row = `${split}-----------,10,4\n`.slice(-18)
        for (const name of ["my_", "KineticSound-my_", "own "]) yield* Minis.write(root, `${name}${split}.txt`, row)
      }
      const check = (name: string, ...more: ReadonlyArray<string>) =>
        said("data", "check", name, "--data", root, "--out", out, ...more)
      const several = "KineticSound-my_train.txt and KineticSound-my_test.txt and my_train.txt and my_test.txt"
      assert.include((yield* check("kinetics-sounds")).text, `it has lists of several names, ${several}`)
      assert.include((yield* check("kinetics-sounds", "--lists", "own train.txt,own test.txt")).text, "2 listed")
      assert.isNotNull((yield* check("kinetics-sounds", "--lists", "own train.txt")).problem)
      const problem = `${root}: the lists of CREMA-D have one name each: --lists is for others`
      assert.strictEqual((yield* check("crema-d", "--lists", "a,b")).problem, problem)
    }).pipe(Effect.scoped)
  )

  it.effect("makes pictures of films once, goes on where it was stopped, and names films that cannot be read", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const root = yield* fs.makeTempDirectoryScoped()
      const ids = ["1001_AAA_HAP_XX", "1002_AAA_SAD_XX", "1003_AAA_NEU_XX"]
      yield* Minis.write(root, "annotations/train.csv", `${ids[0]},HAP\n${ids[1]},SAD\n`)
      yield* Minis.write(root, "annotations/test.csv", `${ids[2]},NEU\n`)
      yield* fs.makeDirectory(`${root}/VideoFlash`)
      const frames = Array.from({ length: 25 }, (_, t) => new Uint8Array(32 * 24 * 3).fill(10 * t))
      const film = { pictures: { width: 32, height: 24, rate: 10, frames } }
      yield* MediaFile.write(`${root}/VideoFlash/${ids[0]}.flv`, film)
      yield* fs.writeFileString(`${root}/VideoFlash/${ids[1]}.flv`, "no film")
      const prepare = () => said("data", "prepare", "crema-d", "--data", root)
      const first = yield* prepare()
      assert.include(first.text, "pictures of 3 films: 0 were there, 1 are made, 2 cannot be")
      assert.include(first.text, `${ids[1]}.flv: `)
      assert.include(first.text, `${ids[2]}.flv: `)
      assert.strictEqual(first.problem, `${root}: not usable as it is: 2 faults`)
      const names = yield* fs.readDirectory(`${root}/Image-01-FPS/${ids[0]}`)
      assert.deepStrictEqual(names.toSorted(), ["00001.jpg", "00002.jpg", "00003.jpg"])
      const { data, width, height } = yield* Picture.read(`${root}/Image-01-FPS/${ids[0]}/00002.jpg`)
      assert.deepStrictEqual([width, height], [32, 24])
      assert.isTrue(data.every((value) => Math.abs(value - 100) <= 3))
      assert.deepStrictEqual(yield* fs.readDirectory(`${root}/Image-01-FPS`), [ids[0]])

      for (const id of ids.slice(1)) yield* MediaFile.write(`${root}/VideoFlash/${id}.flv`, film)
      const second = yield* prepare()
      assert.isNull(second.problem)
      assert.include(second.text, "pictures of 3 films: 1 were there, 2 are made, 0 cannot be")
      yield* Minis.write(root, "annotations/test.csv", `${ids[2]},ODD\n`)
      const odd = yield* prepare()
      assert.include(odd.text, 'emotion: "ODD" is none of NEU')
      assert.isNotNull(odd.problem)
      const nothing = yield* said("data", "prepare", "sarcasm", "--data", root)
      assert.include(nothing.text, "sarcasm is read as it is published: there is nothing to prepare")
    }).pipe(Effect.scoped)
  )

  it.effect("counts, measures and shows samples, and names what there is no folder or data set of", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const [root, out] = [yield* fs.makeTempDirectoryScoped(), yield* fs.makeTempDirectoryScoped()]
      yield* Minis.twitter15(root, { train: 2, test: 1 })
      const of = ["twitter15", "--data", root, "--out", out]
      const stats = yield* said("data", "stats", ...of)
      assert.match(stats.text, /negative +2 +1 +1 +█+/)
      assert.match(stats.text, /image +width, px +48 +48 +48/)
      assert.match(stats.text, /text +words +\d+/)
      const page = `${out}/page.html`
      assert.include(
        (yield* said("data", "sample", ...of, "--to", page, "--count", "1")).text,
        "3 samples of 3 classes"
      )
      const html = yield* fs.readFileString(page)
      assert.strictEqual(html.match(/<blockquote>/g)?.length, 3)
      assert.strictEqual(html.match(/<img /g)?.length, 3)
      assert.include((yield* said("data", "list")).text, "crema-d")
      const nowhere = yield* said("data", "check", "crema-d", "--data", `${root}/none`)
      assert.include(nowhere.problem ?? "", "this folder does not exist")
      const divided = yield* said("data", "check", ...of, "--split", "independent")
      assert.include(divided.problem ?? "", "has no groups to divide it by")
    }).pipe(Effect.scoped)
  )
})
