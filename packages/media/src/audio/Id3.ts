/** ID3v2 tags: metadata blocks that may precede the sound in files of many formats. */

const HEAD = 10
const FOOTER = 0x10

/**
 * The position after the ID3v2 tags that start at `place`, of which several may follow one another; `place` itself if
 * there are none. `at` reads bytes at a position, fewer at the end of the file.
 */
export const endOf = (at: (place: number, count: number) => Uint8Array, place = 0): number => {
  for (let end = place; ;) {
    const head = at(end, HEAD)
    if (head.length < HEAD || String.fromCharCode(...head.subarray(0, 3)) !== "ID3") return end
    const length = head.subarray(6).reduce((sum, byte) => sum * 128 + (byte & 127), 0)
    end += HEAD + length + ((head[5]! & FOOTER) === 0 ? 0 : HEAD)
  }
}
