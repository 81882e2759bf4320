/** Compares pictures and their views with what PIL and torchvision made of the same files (`tools/reference/images.py`). */
import type { Safetensors, Tensor } from "@igm/tensor"
import { Effect } from "effect"
import { ImageInput, Picture, type Resize } from "../../src/index.ts"

type Size = readonly [number, number]

type Transform = { readonly size: Size; readonly filter: Resize.Filter } & (
  | { readonly kind: "resize" }
  | { readonly kind: "centre"; readonly shorter: number }
  | { readonly kind: "crop"; readonly box: readonly [number, number, number, number]; readonly flip: boolean }
)

/** An image with its references. */
export interface Case {
  readonly name: string
  readonly transforms: ReadonlyArray<Transform>
  readonly order: Resize.Order
  readonly tensor: (key: string) => Tensor.Tensor | undefined
}

/** The images in a file. */
export const casesOf = ({ tensors, metadata }: Safetensors.Contents): ReadonlyArray<Case> => {
  const { pillow } = JSON.parse(metadata["versions"]!) as { readonly pillow: string }
  return (JSON.parse(metadata["images"]!) as ReadonlyArray<Pick<Case, "name" | "transforms">>).map((row) => ({
    ...row,
    order: Number.parseInt(pillow, 10) < 13 ? "rows-first" : "pillow-13",
    tensor: (key) => tensors[`${row.name}/${key}`]
  }))
}

const box = ([height, width]: Size): Resize.Box => ({ top: 0, left: 0, height, width })

const viewOf = (transform: Transform, picture: Picture.Picture): ImageInput.View => {
  const { kind, size } = transform
  if (kind === "centre") return ImageInput.still({ size, shorter: transform.shorter }, picture)
  if (kind === "resize") return ImageInput.still({ size }, picture)
  const [top, left, height, width] = transform.box
  return {
    box: { top, left, height, width },
    size: { height: size[0], width: size[1] },
    window: box(size),
    flip: transform.flip
  }
}

/** The pixels (h × w × 3) of a view, from the tensor that an encoder would read. */
const pixelsOf = (
  picture: Picture.Picture,
  view: ImageInput.View,
  passes: { readonly filter: Resize.Filter; readonly order: Resize.Order }
): Uint8Array => {
  const { shape, data } = ImageInput.render(picture, view, { ...passes, mean: [0, 0, 0], deviation: [1, 1, 1] })
  const plane = shape[1]! * shape[2]!
  return Uint8Array.from(data, (_, i) => Math.round(255 * data[(i % 3) * plane + Math.floor(i / 3)]!))
}

/** The largest difference of two images of 8-bit pixels; infinite when their sizes differ. */
const difference = (ours: Uint8Array, theirs: Tensor.Tensor): number => {
  const other = theirs.data as Uint8Array
  if (ours.length !== other.length) return Infinity
  return ours.reduce((worst, value, i) => Math.max(worst, Math.abs(value - other[i]!)), 0)
}

/** The largest differences of an image, of 255: of its pixels, and of each of its transforms. */
export const deviations = Effect.fnUntraced(function* (of: Case) {
  const file = of.tensor("file")!.data as Uint8Array
  const rgb = yield* Picture.decode(of.name, file)
  const grey = yield* Picture.decode(of.name, file, { mode: "L" })
  const pixels = [difference(rgb.data, of.tensor("rgb")!), difference(grey.data, of.tensor("grey")!)]
  const oriented = of.tensor("oriented")
  if (oriented !== undefined) {
    const turned = yield* Picture.decode(of.name, file, { orient: true })
    const [height, width] = oriented.shape
    pixels.push(turned.height === height && turned.width === width ? difference(turned.data, oriented) : Infinity)
  }
  return {
    pixels: Math.max(...pixels),
    transforms: of.transforms.map((transform, i) =>
      difference(
        pixelsOf(rgb, viewOf(transform, rgb), { filter: transform.filter, order: of.order }),
        of.tensor(String(i))!
      )
    )
  }
})
