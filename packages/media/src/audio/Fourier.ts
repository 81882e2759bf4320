/** Twiddle factors (roots of unity) for the Fourier transforms of `Kernels`. */

/** Interleaved cos(2π k/n) and −sin(2π k/n) for k < n, where n is a power of two. */
export const circle = (n: number): Float64Array => {
  if (n < 1 || (n & (n - 1)) !== 0)
    throw new RangeError(`a Fourier transform of ${n} numbers: the number is a power of two`)
  const angle = (k: number) => (2 * Math.PI * k) / n
  return Float64Array.from({ length: 2 * n }, (_, i) =>
    i % 2 === 0 ? Math.cos(angle(i / 2)) : -Math.sin(angle((i - 1) / 2))
  )
}

/** The same factors in single precision. */
export const circle32 = (n: number): Float32Array => Float32Array.from(circle(n))
