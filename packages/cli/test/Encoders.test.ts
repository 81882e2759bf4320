import { assert, describe, it } from "@effect/vitest"
import { DigitEncoders } from "@igm/av-digits"
import { Effect, FileSystem } from "effect"
import { TestConsole } from "effect/testing"
import { igm, layer } from "./fixture.ts"

/** What a command prints. */
const said = Effect.fn(function* (...args: ReadonlyArray<string>) {
  const before = (yield* TestConsole.logLines).length
  yield* igm("encoders", ...args)
  return (yield* TestConsole.logLines).slice(before).map(String).join("\n")
})

const told = (...args: ReadonlyArray<string>) =>
  Effect.map(Effect.flip(igm("encoders", ...args)), (error) => (error as Error).message)

describe("igm encoders", () => {
  it.effect("takes an ONNX file in, lists it, and notices when its file is another", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const to = `${yield* fs.makeTempDirectoryScoped()}/encoders`
      const { file, digest } = DigitEncoders.image
      assert.include(yield* said("--to", to), `there are no encoders in ${to}`)
      assert.include(yield* told("add", file, "--to", to), "give it a name: --name NAME")
      assert.include(
        yield* told("add", file, "--name", "digits", "--prefix", "module.", "--to", to),
        "--file, --prefix and --revision are for the catalogue"
      )
      const added = yield* said("add", file, "--name", "digits", "--to", to)
      assert.include(
        added,
        `digits: added\n  from       digit-image.onnx\n  ONNX file  ${to}/digits/encoder.onnx, 2.8 MB, SHA-256 ${digest}`
      )
      assert.include(added, "checks     features: finite, different for two samples, the same bits twice")
      const list = yield* said("list", "--to", to)
      assert.match(list, /digits +2\.8 MB +6621d1e17070 +digit-image\.onnx +\S+ \[1, 28, 28\] to 128 features/)
      assert.match(list, /resnet18 +ResNet18 of torchvision.+timm\/resnet18\.tv_in1k \(BSD-3-Clause\)/)
      assert.match(list, /i3d-rgb .+ rgb_imagenet\.pt of https:\/\/github\.com\/piergiaj\/pytorch-i3d.+\(Apache-2\.0\)/)
      const [entry] = JSON.parse(yield* said("list", "--json", "--to", to)) as ReadonlyArray<{ name: string }>
      assert.strictEqual(entry!.name, "digits")
      assert.strictEqual(yield* said("check", "--to", to), "digits: as pinned")
      yield* fs.writeFileString(`${to}/digits/encoder.onnx`, "other")
      assert.strictEqual(
        yield* told("check", "--to", to),
        `${to}: 1 of its encoders cannot be used; igm encoders add makes them anew`
      )
      assert.include((yield* TestConsole.logLines).join("\n"), `but ${digest} is pinned`)
      assert.include(yield* told("add", "i3d-flow", "--to", to), "igm encoders add i3d-flow --file flow_imagenet.pt")
    }).pipe(Effect.provide(layer))
  )
})
