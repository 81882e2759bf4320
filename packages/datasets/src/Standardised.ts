/** Values of 8 bits as encoders read them. */

/** (v / 255 − mean) / deviation for each of the 256 values v, each operation rounded to float32. */
export const standardised = (mean: number, deviation: number): Float32Array =>
  Float32Array.from({ length: 256 }, (_, v) =>
    Math.fround(Math.fround(Math.fround(v / 255) - Math.fround(mean)) / Math.fround(deviation))
  )
