/**
 * The encoders that are measured: those of the catalogue, in full size, with weights by the formula that the originals are
 * filled with on the other side.
 */
import { Architecture, Catalog, Encoder } from "@igm/encoders"
import { Effect } from "effect"
import { join } from "node:path"
import * as Formula from "../../packages/encoders/test/formula.ts"
import * as Golden from "../../packages/encoders/test/golden.ts"

/** A network, and the inputs of one batch. */
interface Network {
  readonly of: Catalog.Name
  readonly family: (typeof Golden.families)[number]
  readonly layout: string
  readonly batch: number
  readonly inputs: { readonly [port: string]: Formula.Input }
  /** True if a batch takes seconds, so that no warm-up is needed. */
  readonly slow?: boolean
}

const images = (n: number) => ({ image: ["normal", [n, 3, 224, 224]] }) as const

const resnet = (depth: 18 | 50, batch: number): Network => ({
  of: `resnet${depth}`,
  family: "resnet",
  layout: `resnet${depth}`,
  batch,
  inputs: images(batch)
})

/** By the names that the other side has for them. */
export const networks = {
  resnet18: resnet(18, 8),
  resnet50: resnet(50, 4),
  "bert-base": {
    of: "bert-base-uncased",
    family: "bert",
    layout: "bert-base",
    batch: 8,
    inputs: {
      ids: ["integers", [8, 64], 30_522],
      mask: ["lengths", Array.from({ length: 8 }, () => 64)]
    }
  },
  i3d: {
    of: "i3d-rgb",
    family: "i3d",
    layout: "i3d-3",
    batch: 1,
    inputs: { clip: ["normal", [1, 3, 64, 224, 224]] },
    slow: true
  }
} as const satisfies { readonly [name: string]: Network }

/** The name of a network. */
export type Name = keyof typeof networks

/** Writes a network into a folder, as an encoder. */
export const write = Effect.fnUntraced(function* (name: Name, folder: string) {
  const { of, family, layout }: Network = networks[name]
  const { architecture, width } = Catalog.catalog[of]
  const { layouts } = yield* Golden.read(family)
  const file = join(folder, `${name}.onnx`)
  const digest = yield* Architecture.write(architecture, Formula.weights(layouts[layout]!), file)
  return Encoder.make({ name, file, digest, inputs: architecture.inputs, output: Architecture.OUTPUT, width })
})

/** The batch that both sides compute. */
export const batch = (name: Name) => Golden.inputs({ name, inputs: networks[name].inputs })
