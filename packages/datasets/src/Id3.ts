/** Notes about a recording (ID3v2) that stand before it in files of many kinds. */

const HEAD = 10
const FOOTER = 0x10

/**
 * Where the notes at a place end, which may follow one another: the place itself, if there are none. `at` gives bytes from a
 * place on, fewer at the end of the file.
 */
export const endOf = (at: (place: number, count: number) => Uint8Array, place = 0): number => {
  for (let end = place; ;) {
    const head = at(end, HEAD)
    if (head.length < HEAD || String.fromCharCode(...head.subarray(0, 3)) !== "ID3") return end
    const length = head.subarray(6).reduce((sum, byte) => sum * 128 + (byte & 127), 0)
    end += HEAD + length + ((head[5]! & FOOTER) === 0 ? 0 : HEAD)
  }
}
