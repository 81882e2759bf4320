/**
 * Helpers for RIFF, the container of WAVE and AVI files: a sequence of chunks with lengths, some of which are unknown.
 */

const SPAN = 1 << 16

/**
 * Tells if a chunk's length is a placeholder for an unknown length. A program that writes into a pipe cannot go back to
 * fill in the length: it leaves 0, or a value near the maximum of 31 or 32 bits.
 */
export const isUnknown = (length: number): boolean =>
  length === 0 || (length <= 2 ** 31 && length > 2 ** 31 - SPAN) || length > 2 ** 32 - SPAN

/** Tells if four letters are a possible chunk name. */
export const isName = (letters: string): boolean => /^[\w ]{4}$/.test(letters)
