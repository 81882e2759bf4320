/** Values of 8 bits as encoders read them. */

const tables = new Map<string, Float32Array>()

/** (v / 255 − mean) / deviation for each of the 256 values v, each operation rounded to float32. */
export const standardised = (mean: number, deviation: number): Float32Array => {
  const key = `${mean} ${deviation}`
  const table =
    tables.get(key) ??
    Float32Array.from({ length: 256 }, (_, v) =>
      Math.fround(Math.fround(Math.fround(v / 255) - Math.fround(mean)) / Math.fround(deviation))
    )
  tables.set(key, table)
  return table
}
