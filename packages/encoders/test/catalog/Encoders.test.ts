import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Lock, Progress } from "@igm/io"
import { Builder, Model } from "@igm/onnx"
import { Digest, Tensor } from "@igm/tensor"
import { ConfigProvider, Effect, Fiber, FileSystem, Layer, Ref, Schedule } from "effect"
import { Encoder, EncoderFolder, EncoderLock, EncoderRef, EncoderRuntime, Encoders, Hub } from "../../src/index.ts"
import * as External from "../external.ts"
import * as HubServer from "../hub/HubServer.ts"
import * as Linear from "../linear.ts"

const REPO = "somebody/linear"

const utf8 = (text: string) => new TextEncoder().encode(text)

/** Opens all models in this process: starting one for each takes longer than all else. */
const here = Layer.effect(
  EncoderRuntime,
  EncoderRuntime.use((runtime) => Effect.succeed({ ...runtime, open: (name, model) => runtime.open(name, model) }))
).pipe(Layer.provide(EncoderRuntime.layerCpu))

const layers = Layer.mergeAll(NodeServices.layer, here, Progress.layerSilent)

/** A hub with weights, an empty folder, and what adds encoders to it. */
const setting = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const home = yield* fs.makeTempDirectoryScoped()
  const weights = (scale: number) => ({ bytes: Linear.weights(scale), large: true })
  const server = yield* HubServer.make(REPO, {
    "model.safetensors": weights(1),
    "vocab.txt": { bytes: utf8("a\nb\n"), large: false }
  })
  const waited = yield* Ref.make<ReadonlyArray<string>>([])
  const folder = `${home}/encoders`
  const goldens = `${home}/goldens`
  yield* fs.makeDirectory(goldens)
  const options = {
    folder,
    goldens,
    catalog: Linear.catalog(REPO),
    onWait: (message: string) => Ref.update(waited, (all) => [...all, message])
  }
  /** The environment of a machine with a cache of its own. */
  const on = (machine: string) =>
    Effect.provide(
      Layer.mergeAll(
        Hub.layerPausing(1),
        ConfigProvider.layer(
          ConfigProvider.fromUnknown({ HF_ENDPOINT: server.endpoint, HF_HUB_CACHE: `${home}/cache of ${machine}` })
        )
      )
    )
  const add = (more: Partial<Encoders.PublishedOptions> = {}, name = "linear") =>
    Encoders.add(name, { ...options, ...more })
  const files = Effect.map(fs.readDirectory(folder, { recursive: true }), (names) =>
    names.filter((name) => !name.startsWith(".lock")).toSorted()
  )
  return { fs, home, server, weights, folder, goldens, options, on, add, files, waited }
})

const told = <A, E extends { readonly message: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), ({ message }) => message)

/** W x + b of the inputs 1, 2, 3, 4 for weights of scale 1, by hand. */
const expected = [0, 1, 2].map(
  (row) => [1, 2, 3, 4].reduce((sum, x, i) => sum + x * Math.cos(row * 4 + i), 0) + 1 - row
)

/** What an encoder's file makes of the inputs 1, 2, 3, 4. */
const features = Effect.fn(function* ({ file, digest, output }: EncoderRef.EncoderRef) {
  const fs = yield* FileSystem.FileSystem
  const bytes = yield* fs.readFile(file)
  assert.strictEqual(Digest.ofBytes(bytes), digest)
  const session = yield* (yield* EncoderRuntime).open(file, bytes)
  const results = yield* session.run({ x: Tensor.float32([1, 4], [1, 2, 3, 4]) })
  return Array.from(results[output]!.data as Float32Array)
})

describe("Encoders", () => {
  it.live("are built from published weights once, pinned, and found by a program", () =>
    Effect.gen(function* () {
      const { fs, server, folder, on, add, files } = yield* setting
      const first = yield* add().pipe(on("ann"))
      assert.isFalse(first.reused)
      assert.deepStrictEqual(yield* files, [
        ".gitignore",
        "encoders.lock.json",
        "linear",
        "linear/encoder.onnx",
        "linear/vocab.txt"
      ])
      const { pin } = first
      assert.deepStrictEqual(pin.source, { kind: "hub", repo: REPO, commit: server.commit })
      assert.strictEqual(pin.weights, Digest.ofBytes(Linear.weights(1)))
      assert.deepStrictEqual(pin.beside, { "vocab.txt": Digest.ofBytes(utf8("a\nb\n")) })
      assert.deepStrictEqual(
        first.checks.map(({ name, passed }) => [name, passed]),
        [
          ["architecture", false],
          ["weights", false],
          ["features", true]
        ]
      )
      const named: EncoderRef.EncoderRef<3> = yield* EncoderRef.getOther("linear", 3, { folder })
      assert.deepStrictEqual(named.inputs, { x: { dtype: "float32", shape: [4] } })
      for (const [i, x] of (yield* features(named)).entries()) assert.closeTo(x, expected[i]!, 1e-5)
      assert.deepStrictEqual(yield* EncoderRef.getBeside("linear", "vocab.txt", { folder }), {
        file: `${folder}/linear/vocab.txt`,
        digest: pin.beside["vocab.txt"]!
      })

      server.log.length = 0
      assert.isTrue((yield* add().pipe(on("ann"))).reused)
      assert.isEmpty(server.log)
      assert.deepStrictEqual(yield* EncoderFolder.check(folder), [{ name: "linear", pin, problem: undefined }])
      assert.include(yield* fs.readFileString(`${folder}/.gitignore`), "!encoders.lock.json")
    }).pipe(Effect.scoped, Effect.provide(layers))
  )

  it.live(
    "the lock file alone brings the same bytes on another machine, from the pinned commit, though main has moved",
    () =>
      Effect.gen(function* () {
        const { fs, home, server, folder, on, add, files } = yield* setting
        const { pin } = yield* add().pipe(on("ann"))
        const lock = yield* fs.readFileString(`${folder}/encoders.lock.json`)
        yield* fs.remove(`${folder}/linear`, { recursive: true })
        assert.deepStrictEqual(
          (yield* EncoderFolder.list(folder)).map(({ name, present }) => [name, present]),
          [["linear", false]]
        )
        server.log.length = 0
        const again = yield* add().pipe(on("bob"))
        assert.deepStrictEqual([again.reused, again.pin], [false, pin])
        assert.isFalse(server.log.some((line) => line.includes("/revision/")))
        assert.strictEqual(yield* fs.readFileString(`${folder}/encoders.lock.json`), lock)
        // So is a damaged copy in the cache, and told from other weights.
        yield* fs.remove(`${folder}/linear`, { recursive: true })
        const cached = `${home}/cache of bob/models--somebody--linear/blobs/${pin.weights}`
        const copy = yield* fs.readFile(cached)
        yield* fs.writeFile(cached, Linear.weights(3))
        const complaint = `but ${pin.weights} is pinned for this very commit: the copy is damaged; delete ${cached} and`
        assert.include(yield* told(add().pipe(on("bob"))), complaint)
        yield* fs.writeFile(cached, copy)
        yield* add().pipe(on("bob"))
        // A damaged file is noticed, and made anew without the network.
        yield* fs.writeFileString(`${folder}/linear/encoder.onnx`, "damaged")
        const [damaged] = yield* EncoderFolder.check(folder)
        assert.include(damaged!.problem, `but ${pin.onnx.sha256} is pinned`)
        server.log.length = 0
        yield* add().pipe(on("bob"))
        assert.isEmpty(server.log)
        assert.isUndefined((yield* EncoderFolder.check(folder))[0]!.problem)
        assert.lengthOf(yield* files, 5)
      }).pipe(Effect.scoped, Effect.provide(layers))
  )

  it.live(
    "other weights under a pinned name are an error with both digests, from the hub and from a file, until repinned",
    () =>
      Effect.gen(function* () {
        const { fs, home, server, weights, folder, on, add } = yield* setting
        const { pin } = yield* add().pipe(on("ann"))
        const [old, other] = [1, 2].map((scale) => Digest.ofBytes(Linear.weights(scale)))
        server.files["model.safetensors"] = weights(2)
        server.commit = "c".repeat(40)
        const both = `has SHA-256 ${other}, but ${old} is pinned: other weights; --repin takes it over`
        assert.include(yield* told(add({ revision: "main" }).pipe(on("bob"))), both)
        yield* fs.writeFile(`${home}/w.safetensors`, Linear.weights(2))
        yield* fs.writeFile(`${home}/vocab.txt`, utf8("a\nb\n"))
        assert.include(yield* told(add({ file: `${home}/w.safetensors` }).pipe(on("bob"))), both)
        assert.deepStrictEqual((yield* EncoderLock.read(folder))["linear"], pin)
        yield* fs.writeFile(`${home}/w.safetensors`, Linear.weights(1))
        const same = yield* add({ file: `${home}/w.safetensors` }).pipe(on("bob"))
        assert.deepStrictEqual(same.pin, pin, "the pinned bytes from a file are as good, and the pin stays")
        const { pin: now } = yield* add({ revision: "main", repin: true }).pipe(on("bob"))
        assert.deepStrictEqual([now.weights, now.source], [other, { kind: "hub", repo: REPO, commit: server.commit }])
        assert.isUndefined((yield* EncoderFolder.check(folder))[0]!.problem)
      }).pipe(Effect.scoped, Effect.provide(layers))
  )

  it.live("of two who add at once one builds, and the other takes what is there; who is killed leaves nothing", () =>
    Effect.gen(function* () {
      const { fs, folder, on, add, files, waited, server } = yield* setting
      yield* fs.makeDirectory(`${folder}/.partial-of-a-killed-process`, { recursive: true })
      server.troubles = [{ kind: "hold", sent: 10 }]
      const interrupted = yield* add().pipe(on("ann"), Effect.timeoutOption("400 millis"))
      assert.strictEqual(interrupted._tag, "None")
      assert.deepStrictEqual(yield* files, [".gitignore"])
      const added = yield* Effect.all([add(), add()], { concurrency: 2 }).pipe(on("ann"))
      assert.sameMembers(
        added.map(({ reused }) => reused),
        [false, true]
      )
      assert.lengthOf(yield* files, 5)

      const fiber = yield* Effect.gen(function* () {
        yield* Lock.hold(`${folder}/.lock`, "a test")
        const fiber = yield* Effect.forkDetach(add().pipe(on("ann")))
        yield* Ref.get(waited).pipe(
          Effect.filterOrFail(([message]) => message?.includes(`process ${process.pid}`) === true),
          Effect.retry(Schedule.spaced("10 millis"))
        )
        return fiber
      }).pipe(Effect.scoped)
      assert.isTrue((yield* Fiber.join(fiber)).reused)
    }).pipe(Effect.scoped, Effect.provide(layers))
  )

  it.live("goldens are held to: of the architecture with weights by a formula, and of the weights themselves", () =>
    Effect.gen(function* () {
      const { fs, goldens, folder, on, add, files } = yield* setting
      const golden = (weights: object, features: ReadonlyArray<ReadonlyArray<number>>) =>
        JSON.stringify({
          encoder: "linear",
          by: "arithmetic",
          weights,
          inputs: { x: { kind: "normal", shape: [1, 4] } },
          every: 2,
          features,
          tolerance: 1e-5
        })
      const formula = {
        formula: [
          ["weight", [3, 4]],
          ["bias", [3]]
        ]
      }
      yield* fs.writeFileString(`${goldens}/a.json`, golden(formula, [[1, 2]]))
      assert.match(
        yield* told(add().pipe(on("ann"))),
        /^linear: its architecture does not compute what arithmetic does: features deviate by [\d.e+-]+ of the largest, and 1e-5 is allowed$/
      )
      assert.deepStrictEqual(yield* files, [".gitignore"])
      // What W x + b is in Python, by the functions of tools/reference/encoders.py.
      yield* fs.writeFileString(`${goldens}/a.json`, golden(formula, [GOLDEN]))
      const { checks } = yield* add().pipe(on("ann"))
      assert.match(checks[0]!.told, /^as arithmetic with weights by a formula, to \d/)
      yield* fs.remove(folder, { recursive: true })
      const own = { sha256: Digest.ofBytes(Linear.weights(1)) }
      yield* fs.writeFileString(`${goldens}/b.json`, golden(own, [[1, 2]]))
      assert.include(yield* told(add().pipe(on("ann"))), "it does not compute what arithmetic does")
    }).pipe(Effect.scoped, Effect.provide(layers))
  )

  it.live("what cannot be added is an error that says what to do", () =>
    Effect.gen(function* () {
      const { fs, home, server, folder, on, add } = yield* setting
      const unable = (more: Partial<Encoders.PublishedOptions>, name: string) => told(add(more, name).pipe(on("ann")))
      assert.include(yield* unable({}, "resnet19"), "neither an encoder of the catalogue (linear, elsewhere, wide) nor")
      assert.include(
        yield* unable({}, "elsewhere"),
        "not on the hub: get model.safetensors from https://example.org (CC0-1.0), and give it: igm encoders add elsewhere --file"
      )
      assert.include(yield* unable({}, "wide"), "wide: its features are 3 wide, and should be 5")
      assert.include(yield* unable({ name: "wide" }, "linear"), "the name of an encoder of the catalogue")
      assert.include(yield* unable({ file: `${home}/none.pth` }, "linear"), "no such file")
      const broken = (factor: number) => {
        const bytes = Linear.weights(factor)
        return fs.writeFile(`${home}/broken.safetensors`, bytes)
      }
      yield* broken(Infinity)
      assert.include(yield* unable({ file: `${home}/broken.safetensors` }, "elsewhere"), "its features are not finite")
      yield* broken(0)
      assert.include(
        yield* unable({ file: `${home}/broken.safetensors` }, "elsewhere"),
        "the same for different samples"
      )
      server.refusal = 500
      assert.include(yield* unable({}, "linear"), "the hub answered 500")
      assert.isEmpty(yield* EncoderFolder.list(folder))
      yield* fs.writeFileString(`${folder}/encoders.lock.json`, "<<<<<<< HEAD")
      assert.include(yield* unable({}, "linear"), "this is not a lock file of encoders: take it from version control")
      yield* fs.writeFileString(`${folder}/encoders.lock.json`, '{"format": 9}')
      assert.include(yield* unable({}, "linear"), "its format is 9, which a newer version of igm wrote")
    }).pipe(Effect.scoped, Effect.provide(layers))
  )

  it.live("any other ONNX file is taken in under a name, with what it declares", () =>
    Effect.gen(function* () {
      const { fs, home, folder, options } = yield* setting
      const file = `${home}/mine.onnx`
      const write = (...shape: ReadonlyArray<number | string>) => {
        const builder = Builder.make("mine")
        const x = builder.input("x", "float32", shape)
        builder.output("sums", builder.node("ReduceSum", [x], { keepdims: 1 }), "float32", [1, 1])
        builder.output("half", builder.node("Mul", [x, builder.constant(Tensor.float32([1], [0.5]))]), "float32", shape)
        return fs.writeFile(file, Model.encode({ graph: builder.graph(), opset: 17, metadata: {} }))
      }
      const add = (output?: string, repin = false) => Encoders.addOnnx(file, "mine", { ...options, output, repin })
      yield* write("batch", 4)
      assert.include(
        yield* told(add()),
        "it has several outputs (sums, half): say which one is the features, with --output"
      )
      assert.include(yield* told(add("quarter")), "it has no output quarter, but sums, half")
      assert.include(yield* told(add("sums")), "its output sums is [1, 1]; the first axis has to be free")
      const { pin } = yield* add("half")
      assert.deepStrictEqual([pin.inputs, pin.output, pin.width], [{ x: { dtype: "float32", shape: [4] } }, "half", 4])
      assert.deepStrictEqual(yield* features(yield* EncoderRef.getOther("mine", 4, { folder })), [0.5, 1, 1.5, 2])
      assert.deepStrictEqual((yield* add()).pin, pin)
      assert.strictEqual((yield* Encoders.addOnnx(file, "constructor", { ...options, output: "half" })).pin.width, 4)
      yield* write(2, 4)
      assert.include(yield* told(add("half")), `but ${pin.onnx.sha256} is pinned: another file`)
      assert.include(
        yield* told(add("half", true)),
        `${file}: its output half is [2, 4]; the first axis has to be free`
      )
      assert.include(yield* told(Encoders.addOnnx(file, "linear", options)), "the name of an encoder of the catalogue")
      assert.include(yield* told(Encoders.addOnnx(file, "../mine", options)), "this cannot be a name")
      yield* fs.writeFileString(file, "no model")
      assert.include(yield* told(add("half", true)), `${file}: this is not an ONNX model: `)
      assert.deepStrictEqual((yield* EncoderLock.read(folder))["mine"], pin)
    }).pipe(Effect.scoped, Effect.provide(layers))
  )

  it.live("weights in files beside an ONNX file are taken in with it, pinned, and held to their pins", () =>
    Effect.gen(function* () {
      const { fs, home, folder, options } = yield* setting
      const file = `${home}/large.onnx`
      const part = "./weights/large.data"
      const write = (scale: number) => fs.writeFile(`${home}/weights/large.data`, External.weights(scale))
      const add = (repin = false) => Encoders.addOnnx(file, "mine", { ...options, repin })
      yield* fs.writeFile(file, External.model(part))
      assert.include(yield* told(add()), `${file}: its weights lie in ${home}/weights/large.data, which is missing`)
      yield* fs.makeDirectory(`${home}/weights`)
      yield* fs.writeFile(`${home}/weights/large.data`, External.weights(1).subarray(0, 40))
      assert.match(
        yield* told(add()),
        /onnxruntime cannot open it: .*tensor w.*, with its weights in \.\/weights\/large\.data$/i
      )
      yield* write(1)
      const { pin } = yield* add()
      assert.deepStrictEqual(pin.data, { [part]: { sha256: Digest.ofBytes(External.weights(1)), bytes: 48 } })
      const named: Encoder.Encoder = yield* EncoderRef.getOther("mine", 3, { folder })
      const encoded = (encoder: Encoder.Encoder) =>
        Encoder.open(encoder).pipe(
          Effect.flatMap(({ encode }) => encode(Tensor.float32([1, 4], [1, 0, 0, 1]))),
          Effect.map(({ data }) => [...data]),
          Effect.scoped
        )
      // The copy is whole without the original.
      yield* fs.remove(`${home}/weights`, { recursive: true })
      assert.deepStrictEqual(yield* encoded(named), [9, 11, 13])
      assert.deepStrictEqual(
        (yield* EncoderFolder.list(folder)).map(({ present }) => present),
        [true]
      )
      assert.isUndefined((yield* EncoderFolder.check(folder))[0]!.problem)

      // Other weights under the same model are another encoder.
      yield* fs.makeDirectory(`${home}/weights`)
      yield* write(2)
      const both = `has SHA-256 ${Digest.ofBytes(External.weights(2))}, but ${pin.data![part]!.sha256} is pinned`
      assert.include(yield* told(add()), `${home}/weights/large.data ${both}: other weights; --repin takes it over`)
      yield* add(true)
      assert.deepStrictEqual(yield* encoded(yield* EncoderRef.getOther("mine", 3, { folder })), [18, 22, 26])
      assert.notStrictEqual(
        Encoder.identity(yield* EncoderRef.getOther("mine", 3, { folder })),
        Encoder.identity(named)
      )
      assert.include(yield* told(encoded(named)), "weights/large.data: the file of encoder mine is damaged")

      const copy = `${folder}/mine/weights/large.data`
      yield* fs.writeFile(copy, External.weights(3))
      assert.include((yield* EncoderFolder.check(folder))[0]!.problem, `${copy} has SHA-256`)
      yield* fs.remove(copy)
      assert.deepStrictEqual(
        (yield* EncoderFolder.list(folder)).map(({ present }) => present),
        [false]
      )
      yield* add()
      assert.isUndefined((yield* EncoderFolder.check(folder))[0]!.problem)
    }).pipe(Effect.scoped, Effect.provide(layers))
  )

  it.live(
    "a model that never ends is ended with who adds it, and one whose features depend on others is not taken in",
    () =>
      Effect.gen(function* () {
        const { fs, home, options, files } = yield* setting
        const file = `${home}/hostile.onnx`
        const endless = Builder.make("endless")
        const x = endless.input("x", "float32", ["batch", 4])
        const steps = endless.constant(Tensor.make("int64", [], BigInt64Array.of(2n ** 62n)))
        const body = endless.nested("body")
        body.input("iteration", "int64", [])
        const goOn = body.input("goOn", "bool", [])
        const value = body.input("value", "float32", ["batch", 4])
        body.output("goesOn", goOn, "bool", [])
        body.output("next", body.node("Sin", [value]), "float32", ["batch", 4])
        const [end] = endless.nodes("Loop", [steps, { name: "" }, x], 1, { body: { graph: body.graph() } })
        endless.output("y", end!, "float32", ["batch", 4])
        yield* fs.writeFile(file, Model.encode({ graph: endless.graph(), opset: 17, metadata: {} }))
        const interrupted = yield* Effect.timeoutOption(Encoders.addOnnx(file, "mine", options), "1500 millis")
        assert.strictEqual(interrupted._tag, "None")
        assert.deepStrictEqual(yield* files, [".gitignore"])

        const normalising = Builder.make("normalising")
        const input = normalising.input("x", "float32", ["batch", 4])
        const deviations = normalising.node("Sub", [input, normalising.node("ReduceMean", [input], { axes: [0] })])
        normalising.output("y", deviations, "float32", ["batch", 4])
        yield* fs.writeFile(file, Model.encode({ graph: normalising.graph(), opset: 17, metadata: {} }))
        assert.include(
          yield* told(Encoders.addOnnx(file, "mine", options)),
          `${file}: a sample's features depend on what else is in its batch`
        )
        assert.deepStrictEqual(yield* files, [".gitignore"])
      }).pipe(Effect.scoped, Effect.provide(Layer.merge(layers, EncoderRuntime.layerCpu)))
  )

  it.live("a model that looks for its weights in other folders is not taken in, and nothing is left of it", () =>
    Effect.gen(function* () {
      const { fs, home, options, files } = yield* setting
      const file = `${home}/hostile.onnx`
      yield* fs.writeFile(`${home}/secret`, External.weights(1))
      yield* fs.writeFile(`${home}/encoder.onnx`, External.weights(1))
      const refused = Effect.fnUntraced(function* (part: string) {
        yield* fs.writeFile(file, External.model(part))
        const message = yield* told(Encoders.addOnnx(file, "mine", options))
        assert.deepStrictEqual(yield* files, [".gitignore"])
        return message
      })
      for (const part of ["../secret", "a/../../secret", `${home}/secret`, "..\\secret", "C:secret", ".."]) {
        assert.include(yield* refused(part), `its weights lie in ${part}, which is not in the folder of the model`)
      }
      assert.include(yield* refused("encoder.onnx"), "encoder.onnx, which is the name that the model gets: rename both")
      assert.include(yield* refused("."), "which is not a file")
      assert.include(yield* refused(""), 'its weights lie in "", which is not the name of a file')
      yield* fs.makeDirectory(`${home}/inside`)
      yield* fs.symlink(`${home}/secret`, `${home}/inside/link`)
      const linked = `${home}/inside/hostile.onnx`
      yield* fs.writeFile(linked, External.model("link"))
      assert.include(
        yield* told(Encoders.addOnnx(linked, "mine", options)),
        `its weights lie in link, which is a link to ${yield* fs.realPath(`${home}/secret`)}, not in the folder`
      )
    }).pipe(Effect.scoped, Effect.provide(layers))
  )
})

/** Features 0 and 2 of the golden of the linear map. */
const GOLDEN = [-0.6018386092772428, 0.6726954232971849]
