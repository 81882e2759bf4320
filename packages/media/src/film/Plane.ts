/**
 * Grey pictures of 32-bit floats and the operations of optical flow on them: smoothing, gradients, cubic interpolation.
 */

/** A single-channel picture; values are in row-major order. */
export interface Plane {
  readonly width: number
  readonly height: number
  readonly data: Float32Array
}

const like = ({ width, height }: Plane): Plane => ({ width, height, data: new Float32Array(width * height) })

/** Smooths with a Gaussian of a standard deviation in pixels, truncated at five of them; borders are reflected. */
export const smooth = (of: Plane, deviation: number): Plane => {
  const { width, height, data } = of
  const radius = Math.max(1, Math.min(Math.ceil(5 * deviation), width - 1, height - 1))
  const bell = Float32Array.from({ length: radius + 1 }, (_, i) => Math.exp(-(i * i) / (2 * deviation * deviation)))
  const total = 2 * bell.reduce((a, b) => a + b, 0) - 1
  const weights = bell.map((w) => w / total)
  const mirror = (i: number, n: number) => (i < 0 ? -i - 1 : i >= n ? 2 * n - 1 - i : i)
  const half = new Float32Array(data.length)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = weights[0]! * data[y * width + x]!
      for (let k = 1; k <= radius; k++) {
        sum += weights[k]! * (data[y * width + mirror(x - k, width)]! + data[y * width + mirror(x + k, width)]!)
      }
      half[y * width + x] = sum
    }
  }
  const out = like(of)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) out.data[y * width + x] = weights[0]! * half[y * width + x]!
    for (let k = 1; k <= radius; k++) {
      const [up, down] = [mirror(y - k, height) * width, mirror(y + k, height) * width]
      for (let x = 0; x < width; x++) out.data[y * width + x]! += weights[k]! * (half[up + x]! + half[down + x]!)
    }
  }
  return out
}

/**
 * The gradient by central differences, along x and along y; at a border, half the difference of the pixel and its
 * neighbour.
 */
export const gradient = (of: Plane): readonly [dx: Plane, dy: Plane] => {
  const { width, height, data } = of
  const [dx, dy] = [like(of), like(of)]
  for (let y = 0; y < height; y++) {
    const row = y * width
    const [up, down] = [Math.max(0, y - 1) * width, Math.min(height - 1, y + 1) * width]
    for (let x = 0; x < width; x++) {
      dx.data[row + x] = (data[row + Math.min(width - 1, x + 1)]! - data[row + Math.max(0, x - 1)]!) / 2
      dy.data[row + x] = (data[down + x]! - data[up + x]!) / 2
    }
  }
  return [dx, dy]
}

/** Catmull–Rom weights of four neighbours for the position t between the inner two. */
const cubic = (t: number, out: Float64Array): void => {
  out[0] = t * (-0.5 + t * (1 - 0.5 * t))
  out[1] = 1 + t * t * (-2.5 + 1.5 * t)
  out[2] = t * (0.5 + t * (2 - 1.5 * t))
  out[3] = t * t * (-0.5 + 0.5 * t)
}

/**
 * Samples pictures of equal size at the positions (x + u, y + v) by cubic interpolation; 0 for positions outside the
 * picture. Neighbours beyond a border take the value at the border.
 */
export const warp = (
  pictures: ReadonlyArray<Plane>,
  u: Float32Array,
  v: Float32Array,
  out: ReadonlyArray<Float32Array>
): void => {
  const { width, height } = pictures[0]!
  const [a, b] = [new Float64Array(4), new Float64Array(4)]
  const columns = new Int32Array(4)
  const rows = new Int32Array(4)
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const px = x + u[i]!
      const py = y + v[i]!
      const isInside = px >= 0 && py >= 0 && px <= width - 1 && py <= height - 1
      if (!isInside) {
        for (const values of out) values[i] = 0
        continue
      }
      const left = Math.floor(px)
      const top = Math.floor(py)
      cubic(px - left, a)
      cubic(py - top, b)
      for (let k = 0; k < 4; k++) {
        columns[k] = Math.min(width - 1, Math.max(0, left + k - 1))
        rows[k] = Math.min(height - 1, Math.max(0, top + k - 1)) * width
      }
      for (let p = 0; p < pictures.length; p++) {
        const { data } = pictures[p]!
        let sum = 0
        for (let k = 0; k < 4; k++) {
          const row = rows[k]!
          sum +=
            b[k]! *
            (a[0]! * data[row + columns[0]!]! +
              a[1]! * data[row + columns[1]!]! +
              a[2]! * data[row + columns[2]!]! +
              a[3]! * data[row + columns[3]!]!)
        }
        out[p]![i] = sum
      }
    }
  }
}

/**
 * Resizes a picture by cubic interpolation: the value at (x, y) is that at (x / sx, y / sy), where s are the ratios of
 * sizes.
 */
export const zoom = (of: Plane, width: number, height: number): Plane => {
  const weights = new Float64Array(4)
  const across = new Float32Array(width * of.height)
  for (let x = 0; x < width; x++) {
    const at = Math.min(of.width - 1, (x * of.width) / width)
    const left = Math.floor(at)
    cubic(at - left, weights)
    for (let y = 0; y < of.height; y++) {
      let sum = 0
      for (let k = 0; k < 4; k++) {
        sum += weights[k]! * of.data[y * of.width + Math.min(of.width - 1, Math.max(0, left + k - 1))]!
      }
      across[y * width + x] = sum
    }
  }
  const data = new Float32Array(width * height)
  for (let y = 0; y < height; y++) {
    const at = Math.min(of.height - 1, (y * of.height) / height)
    const top = Math.floor(at)
    cubic(at - top, weights)
    for (let k = 0; k < 4; k++) {
      const row = Math.min(of.height - 1, Math.max(0, top + k - 1)) * width
      for (let x = 0; x < width; x++) data[y * width + x]! += weights[k]! * across[row + x]!
    }
  }
  return { width, height, data }
}

/** Halves a picture's size after smoothing it against aliasing. */
export const halved = (of: Plane): Plane =>
  zoom(smooth(of, 0.6 * Math.sqrt(3)), Math.floor(of.width / 2 + 0.5), Math.floor(of.height / 2 + 0.5))
