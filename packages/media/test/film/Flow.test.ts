import { assert, describe, it, layer } from "@effect/vitest"
import { Keyed } from "@igm/tensor"
import { Effect, FileSystem, Schema } from "effect"
import { environment } from "../environment.ts"
import { golden } from "../media.ts"
import { Flow, FlowInput, MediaFile } from "../../src/index.ts"

const SIZE = 64

/** A smooth texture without a period, of brightness 0 to 255. */
const texture = (x: number, y: number): number =>
  128 +
  40 * Math.sin(0.23 * x + 0.8 * Math.sin(0.11 * y)) +
  35 * Math.cos(0.27 * y - 0.05 * x) +
  25 * Math.sin(0.37 * x + 0.31 * y)

const picture = (of: (x: number, y: number) => number) => ({
  width: SIZE,
  height: SIZE,
  data: Float32Array.from({ length: SIZE * SIZE }, (_, i) => of(i % SIZE, Math.floor(i / SIZE)))
})

const flowOf = (before: ReturnType<typeof picture>, after: ReturnType<typeof picture>) =>
  Flow.between(Flow.pyramid(before, Flow.settings), Flow.pyramid(after, Flow.settings), Flow.settings)

/** The mean distance from a known motion, away from the edges, over which things come in. */
const errorOf = (
  { u, v }: Flow.Flow,
  motion: (x: number, y: number) => readonly [number, number],
  margin = 10
): number => {
  let [sum, count] = [0, 0]
  for (let y = margin; y < SIZE - margin; y++) {
    for (let x = margin; x < SIZE - margin; x++, count++) {
      const [mu, mv] = motion(x, y)
      sum += Math.hypot(u[y * SIZE + x]! - mu, v[y * SIZE + x]! - mv)
    }
  }
  return sum / count
}

describe("Flow", () => {
  const Tenths = Schema.Int.check(Schema.isBetween({ minimum: -50, maximum: 50 }))

  it.prop(
    "finds how a picture was moved, to a tenth of a pixel",
    { right: Tenths, down: Tenths },
    ({ right, down }) => {
      const [dx, dy] = [right / 10, down / 10]
      const flow = flowOf(
        picture(texture),
        picture((x, y) => texture(x - dx, y - dy))
      )
      assert.isBelow(
        errorOf(flow, () => [dx, dy]),
        0.1
      )
    },
    { arbitrary: { runs: 12 } }
  )

  it.prop(
    "finds how a picture was turned",
    { degrees: Schema.Int.check(Schema.isBetween({ minimum: -5, maximum: 5 })) },
    ({ degrees }) => {
      const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)]
      const middle = (SIZE - 1) / 2
      const turned = (x: number, y: number, s: number): readonly [number, number] => [
        middle + cos * (x - middle) - s * (y - middle),
        middle + s * (x - middle) + cos * (y - middle)
      ]
      const flow = flowOf(
        picture(texture),
        picture((x, y) => texture(...turned(x, y, -sin)))
      )
      const motion = (x: number, y: number) => {
        const [tx, ty] = turned(x, y, sin)
        return [tx - x, ty - y] as const
      }
      assert.isBelow(errorOf(flow, motion), 0.1)
    },
    { arbitrary: { runs: 6 } }
  )

  it("what stands still has no flow, a part that moves has its own, and the edge between them stays sharp", () => {
    const still = flowOf(picture(texture), picture(texture))
    assert.isBelow(
      errorOf(still, () => [0, 0], 0),
      1e-6
    )
    const inside = (x: number, y: number) => x >= 20 && x < 44 && y >= 20 && y < 44
    const moved = picture((x, y) => (inside(x - 3, y) ? texture(x + 97, y) : texture(x, y)))
    const flow = flowOf(
      picture((x, y) => (inside(x, y) ? texture(x + 100, y) : texture(x, y))),
      moved
    )
    assert.closeTo(flow.u[32 * SIZE + 32]!, 3, 0.2)
    for (const [x, y] of [
      [6, 6],
      [58, 32],
      [32, 58]
    ] as const)
      assert.closeTo(flow.u[y * SIZE + x]!, 0, 0.2)
  })

  it("is near OpenCV's TV-L1 on a scene with edges and grain", () => {
    const [height, width] = golden("flow/pictures").shape.slice(1) as [number, number]
    const data = Float32Array.from(golden("flow/pictures").data, Number)
    const of = (t: number) => ({ width, height, data: data.subarray(t * width * height, (t + 1) * width * height) })
    const { u, v } = Flow.between(Flow.pyramid(of(0), Flow.settings), Flow.pyramid(of(1), Flow.settings), Flow.settings)
    const theirs = Float32Array.from(golden("flow/opencv").data, Number)
    let [off, size, count] = [0, 0, 0]
    for (let y = 4; y < height - 4; y++) {
      for (let x = 4; x < width - 4; x++, count++) {
        const i = y * width + x
        off += Math.hypot(u[i]! - theirs[2 * i]!, v[i]! - theirs[2 * i + 1]!)
        size += Math.hypot(theirs[2 * i]!, theirs[2 * i + 1]!)
      }
    }
    assert.isAbove(size / count, 0.5)
    assert.isBelow(off / count, 0.25)
  })
})

layer(environment, { excludeTestServices: true })("FlowInput", (it) => {
  const settings: FlowInput.Settings = { ...FlowInput.settings, side: SIZE, crop: 48, frames: 6, window: 4 }

  it.effect(
    "frames that move to the right flow to the right, each by its share of the bound; the last is said twice",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = `${yield* fs.makeTempDirectoryScoped()}/a.avi`
        const frames = Array.from({ length: 7 }, (_, t) =>
          Uint8Array.from({ length: SIZE * SIZE * 3 }, (_, i) => {
            const pixel = Math.floor(i / 3)
            return texture((pixel % SIZE) - 2 * t, Math.floor(pixel / SIZE))
          })
        )
        yield* MediaFile.write(path, { pictures: { width: SIZE, height: SIZE, rate: 10, frames, codec: "ffv1" } })
        const { shape, data } = yield* FlowInput.preprocess(settings).load({ path, frames: [0, 6] })
        assert.deepStrictEqual(shape, [2, 6, 48, 48])
        const mean = (c: number, t: number) => {
          const plane = data.subarray((c * 6 + t) * 2304, (c * 6 + t + 1) * 2304)
          return plane.reduce((a, b) => a + b, 0) / plane.length
        }
        for (let t = 0; t < 6; t++) {
          assert.closeTo(mean(0, t), 2 / settings.bound, 0.01)
          assert.closeTo(mean(1, t), 0, 0.01)
        }
        assert.strictEqual(mean(0, 5), mean(0, 4))
        const drawn = yield* FlowInput.augmentation(settings).load({ path, frames: [0, 6] }, Keyed.stream(["flow"]))
        assert.deepStrictEqual(drawn.shape, [2, 4, 48, 48])
      })
  )

  it.effect("flow from files is read in both layouts, cut as clips are, and what has another shape is an error", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const box = { ...settings, side: 8, crop: 4 }
      const write = (name: string, shape: ReadonlyArray<number>, value: (i: number) => number) => {
        const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`.padEnd(117)
        const numbers = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => value(i))
        const parts = [
          Buffer.from("\x93NUMPY\x01\x00v\x00", "latin1"),
          Buffer.from(`${header}\n`),
          new Uint8Array(numbers.buffer)
        ]
        return Effect.as(fs.writeFile(`${folder}/${name}`, Buffer.concat(parts)), { path: `${folder}/${name}` })
      }
      const at = (t: number, y: number, x: number, c: number) => 1000 * t + 100 * y + 10 * x + c
      const frames = yield* write("a.npy", [6, 8, 8, 2], (i) => at(i >> 7, (i >> 4) & 7, (i >> 1) & 7, i & 1))
      const last = yield* write("b.npy", [8, 8, 2, 6], (i) =>
        at(i % 6, Math.floor(i / 96), Math.floor(i / 12) % 8, Math.floor(i / 6) % 2)
      )
      for (const source of [frames, last]) {
        const { shape, data } = yield* FlowInput.files(box).load(source)
        assert.deepStrictEqual(shape, [2, 6, 4, 4])
        for (const [c, t, y, x] of [
          [0, 0, 0, 0],
          [1, 5, 3, 2]
        ] as const) {
          assert.strictEqual(data[((c * 6 + t) * 4 + y) * 4 + x], at(t, y + 2, x + 2, c))
        }
        const drawn = yield* FlowInput.fileAugmentation(box).load(source, Keyed.stream([1]))
        assert.deepStrictEqual(drawn.shape, [2, 4, 4, 4])
        const whole = yield* FlowInput.fileAugmentation({ ...box, window: "all" }).load(source, Keyed.stream([1]))
        assert.deepStrictEqual(whole.shape, [2, 6, 4, 4])
      }
      const wrong = yield* Effect.flip(FlowInput.files({ ...box, side: 9 }).load(frames))
      assert.strictEqual(
        wrong.message,
        `${folder}/a.npy: its shape is 6 × 8 × 8 × 2, not frames × 9 × 9 × 2 or 9 × 9 × 2 × frames`
      )
      const short = yield* write("c.npy", [2, 8, 8, 2], () => 0)
      const error = yield* Effect.flip(FlowInput.fileAugmentation(box).load(short, Keyed.stream([1])))
      assert.match(error.message, /c\.npy: it has flow of 2 frames; \d+ to \d+ are wanted$/)
    })
  )
})
