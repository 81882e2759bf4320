/**
 * Counts the pixels that the LZW codes of a GIF's frame encode, without decoding them. libvips leaves missing pixels
 * blank without an error, while PIL reports a truncated file. The codes follow the GIF89a specification.
 */

const [MOST_BITS, MOST_CODES] = [12, 4096]

/**
 * The number of pixels that the codes in sub-blocks (each a length and its bytes, the last one empty) encode; the first
 * codes have `size` + 1 bits.
 */
export const pixels = (size: number, blocks: Uint8Array): number => {
  const [clear, end] = [1 << size, (1 << size) + 1]
  const lengths = new Uint32Array(MOST_CODES)
  lengths.fill(1, 0, clear)
  let [width, next, previous, total, bits, count] = [size + 1, end + 1, -1, 0, 0, 0]
  for (let at = 0, left = 0; at < blocks.length; at++) {
    if (left === 0) {
      left = blocks[at]!
      if (left === 0) break
      continue
    }
    left--
    bits |= blocks[at]! << count
    count += 8
    while (count >= width) {
      const code = bits & ((1 << width) - 1)
      bits >>>= width
      count -= width
      if (code === end) return total
      if (code === clear) {
        ;[width, next, previous] = [size + 1, end + 1, -1]
        continue
      }
      // A code may be the one that is about to be made; no other that is not there means anything.
      if (code > next || (code === next && previous < 0)) return total
      if (previous >= 0 && next < MOST_CODES) {
        lengths[next++] = lengths[previous]! + 1
        if (next === 1 << width && width < MOST_BITS) width++
      }
      total += lengths[code]!
      previous = code
    }
  }
  return total
}
