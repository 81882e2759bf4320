/** What a person with a command line relies on: every argument has a flag, and what an argument cannot be is told by that flag. */
import { assert, describe, it } from "@effect/vitest"
import type { Setting } from "@igm/tensor"
import { Effect, Result, Schema } from "effect"
import { Args } from "../src/index.ts"

const args = Schema.Struct({
  data: Args.Folder.pipe(Args.describe("The recordings")),
  table: Schema.optionalKey(Args.File),
  more: Schema.optionalKey(Schema.Array(Args.Folder)),
  title: Schema.String.pipe(Args.defaultsTo("Norms")),
  seed: Args.seed,
  seeds: Args.Seeds.pipe(Args.defaultsTo([1, 2, 3])),
  perDigit: Args.Count.pipe(Args.defaultsTo(40)),
  tau: Args.NonNegative.pipe(Args.defaultsTo(0.4), Args.describe("The temperature")),
  shift: Schema.Finite.pipe(Args.defaultsTo(0)),
  white: Schema.Boolean.pipe(Args.defaultsTo(false)),
  fusion: Schema.Literals(["mean", "sum"]).pipe(Args.defaultsTo("mean")),
  methods: Schema.Array(Schema.Literals(["igm", "late"])).pipe(Args.defaultsTo(["igm", "late"])),
  taus: Schema.Array(Schema.Finite).pipe(Args.defaultsTo([])),
  fusions: Args.list(Schema.Literals(["mean", "sum"])).pipe(Args.defaultsTo(["sum"])),
  limit: Args.limit,
  rate: Schema.optionalKey(Args.Positive),
  dropouts: Schema.optionalKey(Args.list(Args.Fraction)),
  warmup: Schema.optionalKey(Args.Natural)
})

const specs = Args.specs("norms", args)

const spec = (name: string) => specs.find((one) => one.name === name) ?? assert.fail(name)

const decoded = (given: Args.Given) => Result.getOrThrow(Args.decode("norms", args, given))

const problem = (given: Args.Given): Setting.SettingError =>
  Result.match(Args.decode("norms", args, { data: "/data", ...given }), {
    onFailure: (error) => error,
    onSuccess: (value) => assert.fail(`it was taken: ${JSON.stringify(value)}`)
  })

describe("Args", () => {
  it("of every kind has a flag, a kind and a default, and is known to be a list, one of some words or left out", () => {
    const found = specs.map(({ flag, kind, isList, choices, isRequired, fallback }) => {
      const marks = `${isList ? "list" : ""}${isRequired ? "required" : ""}${choices === null ? "" : choices.join("|")}`
      return [flag, kind, marks, fallback]
    })
    assert.deepStrictEqual(found, [
      ["data", "folder", "required", undefined],
      ["table", "file", "", undefined],
      ["more", "folder", "list", undefined],
      ["title", "text", "", "Norms"],
      ["seed", "integer", "", 1],
      ["seeds", "integer", "list", [1, 2, 3]],
      ["per-digit", "integer", "", 40],
      ["tau", "number", "", 0.4],
      ["shift", "number", "", 0],
      ["white", "boolean", "", false],
      ["fusion", "text", "mean|sum", "mean"],
      ["methods", "text", "listigm|late", ["igm", "late"]],
      ["taus", "number", "list", []],
      ["fusions", "text", "listmean|sum", ["sum"]],
      ["limit", "integer", "", undefined],
      ["rate", "number", "", undefined],
      ["dropouts", "number", "list", undefined],
      ["warmup", "integer", "", undefined]
    ])
  })

  it("says what it is for, whether that was said before or after its default", () => {
    assert.strictEqual(spec("data").description, "The recordings")
    assert.strictEqual(spec("tau").description, "The temperature")
    const both = Schema.Struct({ tau: Args.NonNegative.pipe(Args.describe("The temperature"), Args.defaultsTo(0.4)) })
    assert.strictEqual(Args.specs("both", both)[0]!.description, "The temperature")
    for (const one of Args.specs("own", Schema.Struct({ seed: Args.seed, limit: Args.limit, views: Args.views }))) {
      assert.isString(one.description, one.name)
    }
  })

  it("has its default where it is not given, and is absent where it has none", () => {
    const all = decoded({ data: "/data" })
    assert.deepStrictEqual(all, {
      data: "/data",
      title: "Norms",
      seed: 1,
      seeds: [1, 2, 3],
      perDigit: 40,
      tau: 0.4,
      shift: 0,
      white: false,
      fusion: "mean",
      methods: ["igm", "late"],
      taus: [],
      fusions: ["sum"]
    })
    assert.notProperty(all, "limit")
    // What a manifest says was given is all that it takes to come to the same.
    assert.deepStrictEqual(decoded(Args.completed(specs, { data: "/data" })), all)
    assert.strictEqual(Args.completed(specs, { data: "/data", tau: 1 })["tau"], 1)
    // A manifest has no −0, so that the run that is replayed from it has none either.
    assert.deepStrictEqual(Args.completed(specs, { tau: -0, taus: [-0, 1] })["tau"], 0)
    assert.deepStrictEqual(Args.completed(specs, { tau: -0, taus: [-0, 1] })["taus"], [0, 1])
  })

  it("is read from a flag's text as its kind has it", () => {
    const texts: ReadonlyArray<readonly [string, string, Schema.Json]> = [
      ["title", "1", "1"],
      ["title", "a, b", "a, b"],
      ["seed", "7", 7],
      ["seeds", "7, 8", [7, 8]],
      ["seeds", "7", [7]],
      ["tau", "1e-3", 0.001],
      ["shift", "-0.5", -0.5],
      ["white", "true", true],
      ["white", "false", false],
      ["fusion", "sum", "sum"],
      ["methods", "late,igm", ["late", "igm"]],
      ["taus", "0.1,0.2", [0.1, 0.2]],
      ["more", "a b,c", ["a b", "c"]],
      ["data", "a,b", "a,b"],
      ["taus", " ", []]
    ]
    for (const [name, text, value] of texts) {
      assert.deepStrictEqual(Args.parsed(spec(name), text), value, `${name} ${text}`)
      const given = { data: "/data", [name]: value }
      assert.deepStrictEqual((decoded(given) as { readonly [name: string]: unknown })[name], value)
    }
    // What is no number stays what it is, so that its error can show it.
    for (const text of ["", " ", "one", "1x", "NaN"]) assert.strictEqual(Args.parsed(spec("seed"), text), text)
    assert.strictEqual(Args.parsed(spec("white"), "yes"), "yes")
    for (const text of [",", "igm,", ",igm", "igm,,late"]) assert.strictEqual(Args.parsed(spec("methods"), text), text)
  })

  it("that is wrong is named by its flag, with its value and what may stand there", () => {
    const lines: ReadonlyArray<readonly [Args.Given, string]> = [
      [{ seed: 1.5 }, "norms: --seed is 1.5: give a whole number of at least 0"],
      [{ seed: -1 }, "norms: --seed is -1: give a whole number of at least 0"],
      [{ seed: "one" }, 'norms: --seed is "one": give a whole number of at least 0'],
      [{ perDigit: 0 }, "norms: --per-digit is 0: give a whole number of at least 1"],
      [{ limit: 0 }, "norms: --limit is 0: give a whole number of at least 1"],
      [{ rate: 0 }, "norms: --rate is 0: give a finite number above 0"],
      [{ dropouts: [0.5, 1.5] }, "norms: --dropouts is [0.5,1.5]: give a list, each of it a number from 0 to 1"],
      [{ warmup: -1 }, "norms: --warmup is -1: give a whole number of at least 0"],
      [{ tau: -0.1 }, "norms: --tau is -0.1: give a finite number of at least 0"],
      [{ tau: "much" }, 'norms: --tau is "much": give a finite number of at least 0'],
      [{ shift: "far" }, 'norms: --shift is "far": give a finite number'],
      [{ white: "yes" }, 'norms: --white is "yes": give true or false'],
      [{ fusion: "max" }, 'norms: --fusion is "max": give "mean" or "sum"'],
      [{ methods: ["igm", "early"] }, 'norms: --methods is ["igm","early"]: give a list, each of it "igm" or "late"'],
      [{ seeds: [1, 1] }, "norms: --seeds is [1,1]: give values, none of them twice"],
      [{ seeds: [1, -1] }, "norms: --seeds is [1,-1]: give a list, each of it a whole number of at least 0"],
      [{ seeds: [] }, "norms: --seeds is []: give a list of one at least, each of it a whole number of at least 0"],
      [{ fusions: ["mean", "mean"] }, 'norms: --fusions is ["mean","mean"]: give values, none of them twice'],
      [{ fusions: ["max"] }, 'norms: --fusions is ["max"]: give a list, each of it "mean" or "sum"'],
      [{ taus: ["a"] }, 'norms: --taus is ["a"]: give a list, each of it a finite number'],
      [{ seeds: 3 }, "norms: --seeds is 3: give a list, each of it a whole number of at least 0"],
      [{ more: ["/a", 3] }, 'norms: --more is ["/a",3]: give a list, each of it a folder'],
      [{ methods: "igm," }, 'norms: --methods is "igm,": give a list with one comma between two values, each of it '],
      [{ data: "" }, 'norms: --data is "": give a folder'],
      [{ table: "" }, 'norms: --table is "": give a file'],
      [{ more: ["/a", ""] }, 'norms: --more is ["/a",""]: give a list, each of it a folder'],
      [{ title: 3 }, "norms: --title is 3: give a text"],
      [{ data: 3 }, "norms: --data is 3: give a folder"],
      [{ table: true }, "norms: --table is true: give a file"],
      [{ tua: 0.4 }, "norms: --tua is given: there is no such setting"],
      [{ perdigit: 1 }, "norms: --perdigit is given: there is no such setting"]
    ]
    for (const [given, line] of lines) assert.include(problem(given).message, line)
    const missing = Result.match(Args.decode("norms", args, {}), { onFailure: String, onSuccess: () => "" })
    assert.include(missing, "norms: --data is missing: give The recordings")
  })

  it("that no command line can have is refused as the program is made", () => {
    const refused = (fields: Schema.Struct.Fields) => () => Args.specs("odd", Schema.Struct(fields))
    for (const [name, schema] of [
      ["nested", Schema.Struct({ a: Schema.Int })],
      ["record", Schema.Record(Schema.String, Schema.Int)],
      ["lists", Schema.Array(Schema.Array(Schema.Int))],
      ["either", Schema.Union([Schema.Int, Schema.String])],
      ["nothing", Schema.Null],
      ["day", Schema.Date],
      ["days", Schema.Array(Schema.Date)],
      ["large", Schema.BigInt]
    ] as const) {
      assert.throws(refused({ [name]: schema }), `odd: the type of args.${name} is`)
    }
    for (const name of ["Tau", "per-digit", "1st", "a b"]) {
      assert.throws(
        refused({ [name]: Schema.Int }),
        "give a name of letters and digits that begins with a small letter"
      )
    }
    for (const name of ["constructor", "toString"]) {
      assert.throws(
        refused({ [name]: Schema.Int }),
        `odd: the name of args.${name} is not possible: give another name: every object has`
      )
    }
    const flags = { white: Schema.Boolean.pipe(Args.defaultsTo(false)), noWhite: Schema.Int }
    assert.throws(
      refused(flags),
      "odd: the name of args.noWhite is not possible: give another name: this flag turns white off"
    )
    assert.doesNotThrow(refused({ white: Schema.Int, noWhite: Schema.Int }))
  })

  it("whose default it may not have itself is refused as the program is made, and is not called missing", () => {
    const refused = (field: Schema.Struct.Fields[string]) => () => Args.specs("odd", Schema.Struct({ field }))
    const is = "odd: the default of args.field is not valid: give"
    assert.throws(refused(Args.Seed.pipe(Args.defaultsTo(-1))), `${is} a whole number of at least 0`)
    assert.throws(refused(Args.Seeds.pipe(Args.defaultsTo([1, 1]))), `${is} values, none of them twice`)
    assert.throws(refused(Args.Seeds.pipe(Args.defaultsTo([1, -1]))), `${is} a list, each of it a whole number`)
    assert.throws(refused(Args.Folder.pipe(Args.defaultsTo(""))), `${is} a folder`)
    // A default is what a person would give, and not what becomes of it.
    const count = Schema.FiniteFromString.pipe(Args.defaultsTo("3"))
    assert.strictEqual(Args.specs("odd", Schema.Struct({ count }))[0]!.fallback, "3")
  })

  it("has a JSON schema, with what is required and what each is for", () => {
    const found = Args.jsonSchema(args) as {
      readonly type: string
      readonly required: ReadonlyArray<string>
      readonly properties: { readonly [name: string]: { readonly type?: string; readonly description?: string } }
    }
    assert.strictEqual(found.type, "object")
    assert.deepStrictEqual(found.required, ["data"])
    assert.deepStrictEqual(
      Object.keys(found.properties),
      specs.map(({ name }) => name)
    )
    assert.strictEqual(found.properties["data"]!.description, "The recordings")
    assert.strictEqual(found.properties["perDigit"]!.type, "integer")
    assert.strictEqual(found.properties["seeds"]!.type, "array")
  })

  it.effect.prop(
    "goes into a manifest and comes back: paths as they are named there, all else unchanged",
    {
      given: Schema.Struct({
        tau: Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)),
        title: Schema.String,
        methods: Schema.Array(Schema.Literals(["igm", "late"]))
      }),
      names: Schema.Array(Schema.String.check(Schema.isPattern(/^[a-z]{1,8}$/))).check(Schema.isMaxLength(3))
    },
    ({ given, names }) =>
      Effect.sync(() => {
        const whole = Args.completed(specs, {
          ...given,
          data: "/home/a/data",
          more: names.map((name) => `/home/a/${name}`)
        })
        const away = Args.mapPaths(specs, whole, (path) => path.replace("/home/a/", "../../"))
        assert.strictEqual(away["data"], "../../data")
        assert.deepStrictEqual(
          away["more"],
          names.map((name) => `../../${name}`)
        )
        const text = JSON.stringify(away)
        const back = Args.mapPaths(specs, JSON.parse(text) as Args.Given, (path) => path.replace("../../", "/home/a/"))
        assert.deepStrictEqual(back, whole)
        assert.deepStrictEqual(decoded(back), decoded(whole))
      })
  )
})
