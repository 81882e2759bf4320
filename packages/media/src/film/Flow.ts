/**
 * Optical flow by TV-L1 (Zach, Pock and Bischof, "A duality based approach for realtime TV-L1 optical flow", 2007), in the
 * arrangement of Sánchez, Meinhardt-Llopis and Facciolo, "TV-L1 optical flow estimation", IPOL 3, 2013. The flow (u, v)
 * from a picture I0 to the next, I1, minimises
 *
 *     Σ |∇u| + |∇v| + λ |I1(x + u, y + v) − I0(x, y)|
 *
 * over a pyramid of half sizes: I1 is warped by the flow so far and linearised, and the two terms are brought down in turn,
 * coupled by (u − u')² / 2θ, the first by steps τ of its dual. I3D's weights for flow were trained with flow by TV-L1.
 */
import * as Plane from "./Plane.ts"

/** The parameters. */
export type Settings = {
  /** The step size τ of the dual. */
  readonly tau: number
  /** The weight λ of the data term against smoothness, for brightness from 0 to 255. */
  readonly lambda: number
  /** The coupling θ of the two terms: the smaller, the tighter. */
  readonly theta: number
  /** The maximal number of pyramid levels; the smallest has a shorter side of at least 16. */
  readonly scales: number
  /** The number of warps at each level. */
  readonly warps: number
  /**
   * Each warp is followed by iterations until the mean change of the flow is below `epsilon` pixels, or up to a maximal
   * number.
   */
  readonly epsilon: number
  readonly iterations: number
  /** The standard deviation, in pixels, of the Gaussian that smooths the pictures. */
  readonly smoothing: number
}

/** The parameters of the IPOL article. */
export const settings: Settings = {
  tau: 0.25,
  lambda: 0.15,
  theta: 0.3,
  scales: 5,
  warps: 5,
  epsilon: 0.01,
  iterations: 300,
  smoothing: 0.8
}

/** The displacement of each pixel to the next picture, in pixels: u to the right, v down. */
export interface Flow {
  readonly u: Float32Array
  readonly v: Float32Array
}

const SMALLEST = 16

/**
 * The pyramid of a picture, largest level first. It should be reused: every picture of a film but the first and the
 * last is in two pairs.
 */
export const pyramid = (picture: Plane.Plane, { scales, smoothing }: Settings): ReadonlyArray<Plane.Plane> => {
  const levels = [Plane.smooth(picture, smoothing)]
  while (levels.length < scales) {
    const last = levels.at(-1)!
    if (Math.min(last.width, last.height) < 2 * SMALLEST) break
    levels.push(Plane.halved(last))
  }
  return levels
}

/** The flow between two pictures of equal size, given by their pyramids. */
export const between = (from: ReadonlyArray<Plane.Plane>, to: ReadonlyArray<Plane.Plane>, settings: Settings): Flow => {
  let flow: Flow | undefined
  for (let level = from.length - 1; level >= 0; level--) {
    const [picture, next] = [from[level]!, to[level]!]
    const { width, height } = picture
    const coarser = from[level + 1]
    const enlarged = (data: Float32Array) =>
      Plane.zoom({ width: coarser!.width, height: coarser!.height, data }, width, height).data.map((x) => 2 * x)
    const start = flow === undefined ? new Float32Array(width * height) : undefined
    flow = {
      u: flow === undefined ? start! : enlarged(flow.u),
      v: flow === undefined ? start!.slice() : enlarged(flow.v)
    }
    refine(picture, next, flow, settings)
  }
  return flow!
}

/** Refines a flow between two pictures, in place. */
const refine = (from: Plane.Plane, to: Plane.Plane, { u, v }: Flow, settings: Settings): void => {
  const n = u.length
  const array = () => new Float32Array(n)
  const [warped, gx, gy] = [array(), array(), array()]
  const [square, constant] = [array(), array()]
  const dual = { ux: array(), uy: array(), vx: array(), vy: array() }
  const pictures = [to, ...Plane.gradient(to)]
  for (let w = 0; w < settings.warps; w++) {
    Plane.warp(pictures, u, v, [warped, gx, gy])
    for (let i = 0; i < n; i++) {
      square[i] = gx[i]! * gx[i]! + gy[i]! * gy[i]!
      constant[i] = warped[i]! - gx[i]! * u[i]! - gy[i]! * v[i]! - from.data[i]!
    }
    for (let k = 0; k < settings.iterations; k++) {
      const change = descend(from.width, from.height, { u, v, gx, gy, square, constant }, dual, settings)
      ascend(from.width, from.height, u, dual.ux, dual.uy, settings)
      ascend(from.width, from.height, v, dual.vx, dual.vy, settings)
      if (change < settings.epsilon * settings.epsilon * n) break
    }
  }
}

/**
 * The linearisation after a warp: the gradient of I1 at the displaced positions, its squared norm, and I1 − ∇I1 · (u,
 * v) − I0.
 */
interface Linear extends Flow {
  readonly gx: Float32Array
  readonly gy: Float32Array
  readonly square: Float32Array
  readonly constant: Float32Array
}

interface Dual {
  readonly ux: Float32Array
  readonly uy: Float32Array
  readonly vx: Float32Array
  readonly vy: Float32Array
}

/** Thresholds the brightness term and adds θ div p; gives the sum of squared changes. */
const descend = (
  width: number,
  height: number,
  { u, v, gx, gy, square, constant }: Linear,
  { ux, uy, vx, vy }: Dual,
  { lambda, theta }: Settings
): number => {
  const bound = lambda * theta
  let change = 0
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const a = gx[i]!
      const b = gy[i]!
      const s = square[i]!
      const rho = constant[i]! + a * u[i]! + b * v[i]!
      const share = rho < -bound * s ? bound : rho > bound * s ? -bound : s < 1e-10 ? 0 : -rho / s
      // The backward difference, the adjoint of the forward one in `ascend`; the dual is 0 beyond the edges.
      const divergenceU = ux[i]! - (x > 0 ? ux[i - 1]! : 0) + uy[i]! - (y > 0 ? uy[i - width]! : 0)
      const divergenceV = vx[i]! - (x > 0 ? vx[i - 1]! : 0) + vy[i]! - (y > 0 ? vy[i - width]! : 0)
      const du = share * a + theta * divergenceU
      const dv = share * b + theta * divergenceV
      change += du * du + dv * dv
      u[i]! += du
      v[i]! += dv
    }
  }
  return change
}

/** A step of the dual: p ← (p + τ/θ ∇u) / (1 + τ/θ |∇u|), with forward differences, 0 at the last place. */
const ascend = (
  width: number,
  height: number,
  u: Float32Array,
  px: Float32Array,
  py: Float32Array,
  { tau, theta }: Settings
): void => {
  const rate = tau / theta
  for (let y = 0, i = 0; y < height; y++) {
    const down = y < height - 1 ? width : 0
    for (let x = 0; x < width; x++, i++) {
      const dx = x < width - 1 ? u[i + 1]! - u[i]! : 0
      const dy = u[i + down]! - u[i]!
      const size = 1 + rate * Math.sqrt(dx * dx + dy * dy)
      px[i] = (px[i]! + rate * dx) / size
      py[i] = (py[i]! + rate * dy) / size
    }
  }
}
