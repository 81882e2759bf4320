import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Digest, Keyed, Safetensors, Tensor } from "@igm/tensor"
import { Effect, FileSystem } from "effect"
import { toFloat32 } from "../../src/weights/Elements.ts"
import * as Weights from "../../src/weights/Weights.ts"
import { golden, problem, readAll, written } from "./Files.ts"
import * as P from "./Pickled.ts"
import { Descriptions, numbers, stateOf } from "./States.ts"
import * as TorchWriter from "./TorchWriter.ts"
import { zip } from "./ZipWriter.ts"

const bytesOf = (name: string) => Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFile(golden(name)))

const header = (entries: unknown, body: number, length?: bigint): Uint8Array => {
  const json = new TextEncoder().encode(JSON.stringify(entries))
  const file = new Uint8Array(8 + json.length + body)
  new DataView(file.buffer).setBigUint64(0, length ?? BigInt(json.length), true)
  file.set(json, 8)
  return file
}

const single: TorchWriter.State = {
  storages: [{ dtype: "float32", count: 6, bytes: Tensor.bytes(Tensor.float32([6], [0, 1, 2, 3, 4, 5])) }],
  views: [{ name: "w", storage: 0, offset: 0, shape: [2, 3], strides: [3, 1], isParameter: false }]
}

describe("Weights", () => {
  it.effect("are what torch reads from its own files, of every type, view and format", () =>
    Effect.gen(function* () {
      const expected = yield* readAll(golden("expected.safetensors"))
      assert.strictEqual(expected.size, 22)
      for (const file of ["zip.pth", "protocol4.pth", "weights.safetensors"]) {
        assert.deepStrictEqual(yield* readAll(golden(file)), expected, file)
      }
      const old = new Map([...expected].filter(([name]) => !/uint(16|32)/.test(name)))
      assert.deepStrictEqual(yield* readAll(golden("legacy.pth")), old)
      const { entries } = yield* Weights.open(golden("zip.pth"))
      assert.deepInclude(entries.get("types.bfloat"), { dtype: "bfloat16", shape: [9] })
      assert.deepInclude(entries.get("bn.num_batches_tracked"), { dtype: "int64", shape: [] })
      assert.deepInclude(entries.get("empty"), { shape: [0, 3] })
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect("of half precision are those of torch, for all 65,536 of them", () =>
    Effect.gen(function* () {
      const { metadata } = Safetensors.decode(yield* bytesOf("expected.safetensors"))
      const all = toFloat32("float16", new Uint8Array(Uint16Array.from({ length: 2 ** 16 }, (_, i) => i).buffer))
      const numbers = all.map((x) => (Number.isNaN(x) ? 0 : x))
      assert.strictEqual(Digest.ofBytes(new Uint8Array(numbers.buffer)), metadata["halves"])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("are found in a training script's checkpoint, beside its epoch, its settings and its optimizer", () =>
    Effect.gen(function* () {
      for (const file of ["checkpoint.pth", "checkpoint-legacy.pth"]) {
        const tensors = yield* readAll(golden(file))
        assert.deepStrictEqual([...tensors.keys()], ["weight", "bias"])
        assert.deepStrictEqual(tensors.get("weight"), { shape: [2, 3], data: [0.25, 0.25, 0.25, 0.25, 0.25, 0.25] })
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect.prop(
    "what is written is read, in all three formats",
    { described: Descriptions },
    ({ described }) =>
      Effect.gen(function* () {
        const state = stateOf(described)
        if (state.views.length === 0) return
        const expected = new Map(
          state.views.map((view) => [view.name, { shape: view.shape, data: numbers(state, view) }])
        )
        for (const write of [TorchWriter.zipFile, TorchWriter.legacyFile]) {
          assert.deepStrictEqual(yield* readAll(yield* written(write(state))), expected)
        }
        const floats = Object.fromEntries(
          [...expected].map(([name, { shape, data }]) => [name, Tensor.float32(shape, data)])
        )
        const read = yield* readAll(yield* written(Safetensors.encode(floats)))
        assert.sameMembers([...read.keys()], Object.keys(floats))
        for (const [name, tensor] of read) assert.deepStrictEqual(tensor, expected.get(name))
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    { arbitrary: { runs: 40 } }
  )

  it.effect("are read from archives with 64-bit sizes, and of big-endian machines", () =>
    Effect.gen(function* () {
      const pickle = P.pickle(TorchWriter.dict(single, false))
      const files = TorchWriter.members(pickle, single.storages)
      const data = [0, 1, 2, 3, 4, 5]
      const swapped = single.storages.map((storage) => ({ ...storage, bytes: Buffer.from(storage.bytes).swap32() }))
      for (const bytes of [
        zip(files, { zip64: true }),
        zip(files.filter(({ name }) => !name.endsWith("byteorder"))),
        zip(TorchWriter.members(pickle, swapped, "big"))
      ]) {
        assert.deepStrictEqual((yield* readAll(yield* written(bytes))).get("w"), { shape: [2, 3], data })
      }
      const middle = zip(TorchWriter.members(pickle, single.storages, "middle"))
      assert.include(yield* problem(middle), "byte order is neither little nor big")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect("are read from the files of Python 2 and of torch's first versions", () =>
    Effect.gen(function* () {
      const saved = TorchWriter.storage(single.storages[0]!, 0, true)
      const view = [saved, P.int(0), P.tuple(P.int(3), P.int(2)), P.tuple(P.int(1), P.int(3))]
      const rebuilt = [...P.global("torch._utils", "_rebuild_tensor"), ...P.tuple(...view), ...P.reduce]
      const stated = [...P.global("torch", "FloatTensor"), ...P.tuple(), ...P.newobj, ...P.tuple(...view), ...P.build]
      const parameter = [
        ...P.global("torch.nn.parameter", "Parameter"),
        ...P.tuple(rebuilt),
        ...P.newobj,
        ...P.tuple(P.bool(true), P.bool(false), P.none),
        ...P.build
      ]
      const pairs = P.list(
        P.list(P.str2("rebuilt"), rebuilt),
        P.list(P.str2("stated"), stated),
        P.list(P.str2("parameter"), parameter)
      )
      const state = [...P.global("collections", "OrderedDict"), ...P.tuple(pairs), ...P.reduce]
      const tensors = yield* readAll(yield* written(TorchWriter.legacy(state, single.storages)))
      const expected = { shape: [3, 2], data: [0, 3, 1, 4, 2, 5] }
      assert.deepStrictEqual(
        tensors,
        new Map(["rebuilt", "stated", "parameter"].map((name) => [name, expected] as const))
      )
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect(
    "in nested dicts have their names joined; what only wraps them leaves no trace, unless it would be a guess",
    () =>
      Effect.gen(function* () {
        const state = TorchWriter.dict(single, false)
        const namesOf = Effect.fnUntraced(function* (value: P.Bytes) {
          const files = TorchWriter.members(P.pickle(value), single.storages)
          return [...(yield* readAll(yield* written(zip(files)))).keys()]
        })
        const key = P.str
        assert.deepStrictEqual(yield* namesOf(P.dict([key("audio"), state], [key("n"), P.int(3)])), ["audio.w"])
        const wrapped = P.dict([key("model"), P.dict([key("state_dict"), state])])
        assert.deepStrictEqual(yield* namesOf(wrapped), ["w"])
        const two = P.dict([key("model"), state], [key("state_dict"), state])
        assert.deepStrictEqual(yield* namesOf(two), ["model.w", "state_dict.w"])
        const beside = P.dict([key("state_dict"), state], [key("ema"), state])
        assert.deepStrictEqual(yield* namesOf(beside), ["w"])
        const bare = TorchWriter.tensor(TorchWriter.storage(single.storages[0]!, 0, false), {
          offset: 0,
          shape: [6],
          strides: [1]
        })
        const seeded = P.dict([key("state_dict"), state], [key("epoch"), P.int(3)], [key("rng"), bare])
        assert.deepStrictEqual(yield* namesOf(seeded), ["w"])
        // As PyTorch's ImageNet example saves it: the best accuracy is a tensor, and the optimizer holds some.
        const moments = P.dict([key("state"), P.dict([P.int(0), P.dict([key("momentum_buffer"), bare])])])
        const imagenet = P.dict(
          [key("epoch"), P.int(90)],
          [key("arch"), key("resnet18")],
          [key("state_dict"), state],
          [key("best_acc1"), bare],
          [key("optimizer"), moments],
          [key("scheduler"), P.dict([key("last_epoch"), P.int(90)])]
        )
        assert.deepStrictEqual(yield* namesOf(imagenet), ["w"])
        const same = TorchWriter.members(P.pickle(P.dict([key("a.w"), P.int(1)], [key("a"), state])), single.storages)
        assert.deepStrictEqual([...(yield* readAll(yield* written(zip(same)))).keys()], ["a.w"])
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect("are offered by prefix: without a wrapper's name, or those of one part of a model", () =>
    Effect.gen(function* () {
      const tensors = { "module.a.w": Tensor.float32([1], [1]), "module.b.w": Tensor.float32([1], [2]) }
      const file = yield* written(Safetensors.encode(tensors))
      const weights = yield* Weights.open(file, { prefix: "module." })
      assert.deepStrictEqual([...weights.entries.keys()], ["a.w", "b.w"])
      const part = yield* Weights.under(weights, "b.")
      assert.deepStrictEqual((yield* part.read("w")).data, Float32Array.of(2))
      assert.include((yield* Effect.flip(part.read("a.w"))).message, `${file}: there is no tensor a.w`)
      const { message } = yield* Effect.flip(Weights.open(file, { prefix: "text." }))
      assert.include(message, "no tensor is named text.…; names begin with module")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect(
    "that a model does not expect so are named: missing, renamed, transposed, of another model, or left over",
    () =>
      Effect.gen(function* () {
        const tensors = {
          "fc.weight": Tensor.float32([2, 3], [1, 2, 3, 4, 5, 6]),
          "conv.weight": Tensor.float32([3, 1, 2], [1, 2, 3, 4, 5, 6]),
          "module.bias": Tensor.float32([1], [7])
        }
        const weights = Weights.track(yield* Weights.open(yield* written(Safetensors.encode(tensors))))
        const problem = (name: string, shape: ReadonlyArray<number>) =>
          Effect.map(Effect.flip(Weights.expect(weights, name, shape)), ({ problem }) => problem)
        assert.strictEqual(
          yield* problem("fc.weigth", [2]),
          "there is no tensor fc.weigth (did you mean fc.weight?) among its 3"
        )
        assert.include(yield* problem("bias", [1]), "did you mean module.bias?")
        assert.strictEqual(
          yield* problem("layer4.1.bn2.running_mean", [1]),
          "there is no tensor layer4.1.bn2.running_mean among its 3"
        )
        assert.strictEqual(
          yield* problem("fc.weight", [3, 2]),
          "fc.weight is [2, 3] but [3, 2] was expected: transposed"
        )
        assert.include(yield* problem("conv.weight", [1, 2, 3]), "its axes are in another order")
        assert.strictEqual(yield* problem("fc.weight", [6]), "fc.weight is [2, 3] but [6] was expected")
        assert.deepStrictEqual((yield* Weights.expect(weights, "fc.weight", [2, 3])).data, tensors["fc.weight"].data)
        assert.sameMembers([...weights.unused()], ["conv.weight", "module.bias"])
        const { message } = yield* Effect.flip(Weights.allUsed(weights, (name) => name.startsWith("module.")))
        assert.include(message, "no place for: conv.weight")
        yield* weights.read("conv.weight")
        yield* Weights.allUsed(weights, (name) => name.startsWith("module."))
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect("files that are none of the three, or not whole, are errors that say so", () =>
    Effect.gen(function* () {
      const tensor = (shape: ReadonlyArray<number>, ...data_offsets: ReadonlyArray<number>) => ({
        dtype: "F32",
        shape,
        data_offsets
      })
      const files = TorchWriter.members(P.pickle(TorchWriter.dict(single, false)), single.storages)
      const changed = (index: number, change: object) =>
        zip(files.map((file, i) => (i === index ? { ...file, ...change } : file)))
      const pickled = (value: P.Bytes) => zip(TorchWriter.members(P.pickle(value), single.storages))
      const saved = TorchWriter.storage(single.storages[0]!, 0, false)
      const viewed = (offset: number, shape: ReadonlyArray<number>, strides: ReadonlyArray<number>) =>
        pickled(P.dict([P.str("w"), TorchWriter.tensor(saved, { offset, shape, strides })]))
      const legacy = TorchWriter.legacyFile(single)
      const longer = { ...single.storages[0]!, count: 7 }
      const cases: ReadonlyArray<readonly [Uint8Array, string]> = [
        [new Uint8Array(0), "the file is empty"],
        [Buffer.from("version https://git-lfs.github.com/spec/v1\n"), 'it begins with "version https://git-lfs.'],
        [header({}, 0, 10_000_000_000n), "the header needs 10000000000 bytes, the file ends after 10"],
        [header({ a: tensor([2], 0, 8) }, 4), "a: ends at byte 8 of 4"],
        [
          header({ a: tensor([2], 0, 8), b: tensor([2], 4, 12) }, 12),
          "b: starts at byte 4, where the tensors before it end at 8"
        ],
        [header({ a: tensor([2], 0, 8), b: tensor([1], 12, 16) }, 16), "b: starts at byte 12, where"],
        [header({ a: tensor([2], 0, 8) }, 12), "the tensors end at byte 8 of 12"],
        [header({ a: tensor([3], 0, 8) }, 8), "a: shape and bytes disagree"],
        [header({ a: { ...tensor([2], 0, 8), dtype: "F31" } }, 8), "a: dtype F31 is not supported"],
        [header([1], 0), "this is no file of weights"],
        [changed(2, { crc: 1 }), "w: the zip archive is damaged or was cut off (archive/data/0 has another checksum"],
        [changed(2, { bytes: new Uint8Array(20) }), "its storage 0 has 20 bytes, not 24"],
        [changed(2, { name: "archive/data/1" }), "its storage 0 is not in the archive"],
        [
          changed(2, { name: "archive/data/1", listed: "archive/data/0" }),
          "w: the zip archive is damaged or was cut off (archive/data/0 has two names"
        ],
        [changed(2, { name: "archive/data.pkl" }), "two files are named archive/data.pkl"],
        [changed(0, { method: 8 }), "compressed or encrypted"],
        [changed(0, { name: "archive/code.pkl" }), "it has no data.pkl in its folder"],
        [changed(3, { name: "archive/constants.pkl" }), "a TorchScript program"],
        [zip([...files, { name: "archive/code/__torch__/a.py", bytes: Buffer.of(3, 0), method: 8 }]), "a TorchScript"],
        [TorchWriter.legacy(P.list(), []).fill(0x29, 15 + 4, 15 + 5), "its format's version is not 1001"],
        [
          pickled([...P.global("posix", "system"), ...P.tuple(P.str("id")), ...P.reduce]),
          "the pickle asks for posix.system"
        ],
        [pickled(saved), "the pickle is no dict of tensors"],
        [pickled(P.dict([P.str("epoch"), P.int(3)])), "there are no tensors in it"],
        [viewed(1, [2, 3], [3, 1]), "w: a tensor of shape [2, 3] ends at element 7 of 6 in its storage"],
        [viewed(0, [2 ** 20, 2 ** 20], [0, 0]), "repeats the 6 elements of its storage too often"],
        [viewed(0, [2], [1, 1]), "w: a tensor is described by something else"],
        [legacy.subarray(0, 3), "pickle"],
        [legacy.subarray(0, 20), "it was cut off"],
        [legacy.subarray(0, -1), "it was cut off"],
        [Buffer.concat([legacy, Buffer.of(0)]), "the storages end at byte"],
        [TorchWriter.legacy(TorchWriter.dict(single, true), [longer]), "has 7 elements, not 6"],
        [TorchWriter.legacy(TorchWriter.dict(single, true), []), "its storage 0 is not in the file"],
        [P.pickle(P.int(7)), "not one of a file that torch.save wrote"]
      ]
      for (const [bytes, expected] of cases) assert.include(yield* problem(bytes), expected)
      const folder = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
      assert.include((yield* Effect.flip(Weights.open(folder))).message, `${folder}: this`)
      assert.include(
        (yield* Effect.flip(Weights.open(`${folder}/none`))).message,
        `${folder}/none: this cannot be read`
      )
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect("a bit flipped anywhere in an archive is an error, or changes no tensor", () =>
    Effect.gen(function* () {
      const bytes = yield* bytesOf("zip.pth")
      const expected = yield* readAll(golden("zip.pth"))
      const stream = Keyed.stream(["flips"])
      let refused = 0
      for (let i = 0; i < 150; i++) {
        const flipped = Uint8Array.from(bytes)
        flipped[Keyed.below(stream, bytes.length)]! ^= 1 << Keyed.below(stream, 8)
        const read = yield* Effect.exit(Effect.flatMap(written(flipped), readAll).pipe(Effect.scoped))
        if (read._tag === "Success") assert.deepStrictEqual(read.value, expected)
        else refused++
      }
      assert.isAtLeast(refused, 50)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a digest is that of the file's bytes", () =>
    Effect.gen(function* () {
      const path = golden("legacy.pth")
      assert.strictEqual(yield* Weights.digest(path), Digest.ofBytes(yield* bytesOf("legacy.pth")))
      assert.include((yield* Effect.flip(Weights.digest(`${path}.none`))).message, "cannot be read")
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
