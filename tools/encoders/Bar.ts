/** The tolerances of errors, and their output. */

/** The largest error relative to the largest magnitude. */
export const BAR = 1e-5

/** An error in words. */
export const shown = (off: number): string => `${off.toExponential(1)}${off <= BAR ? "" : " FAILS"}`
