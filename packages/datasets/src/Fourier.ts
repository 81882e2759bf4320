/** What the Fourier transforms of `Kernels` are told. */

const circles = new Map<number, Float64Array>()
const circles32 = new Map<number, Float32Array>()

/** cos and −sin of 2π k/n for k < n, side by side; n is a power of two. */
export const circle = (n: number): Float64Array => {
  if (n < 1 || (n & (n - 1)) !== 0)
    throw new RangeError(`a Fourier transform of ${n} numbers: the number is a power of two`)
  const known = circles.get(n)
  if (known !== undefined) return known
  const angle = (k: number) => (2 * Math.PI * k) / n
  const made = Float64Array.from({ length: 2 * n }, (_, i) =>
    i % 2 === 0 ? Math.cos(angle(i / 2)) : -Math.sin(angle((i - 1) / 2))
  )
  circles.set(n, made)
  return made
}

/** The same in single precision. */
export const circle32 = (n: number): Float32Array => {
  const known = circles32.get(n) ?? Float32Array.from(circle(n))
  circles32.set(n, known)
  return known
}
