/** Standardisation of 8-bit pixel values. */

/** A table of (v / 255 − mean) / deviation for the 256 values v, each operation rounded to float32. */
export const standardised = (mean: number, deviation: number): Float32Array => {
  const table = new Float32Array(256)
  const [middle, scale] = [Math.fround(mean), Math.fround(deviation)]
  for (let v = 0; v < 256; v++) table[v] = Math.fround(Math.fround(v / 255) - middle) / scale
  return table
}
