/** What WAVE and AVI files have in common: chunks with lengths, some of which their writers could not know. */

const SPAN = 1 << 16

/**
 * Whether a length is one that stands for an unknown one. Who writes into a pipe cannot come back to write the right one,
 * and leaves nothing, or something near the most that 31 or 32 bits hold.
 */
export const isUnknown = (length: number): boolean =>
  length === 0 || (length <= 2 ** 31 && length > 2 ** 31 - SPAN) || length > 2 ** 32 - SPAN

/** Whether letters may be the name of a chunk. */
export const isName = (letters: string): boolean => /^[\w ]{4}$/.test(letters)
