/** The ten classes of AV-digits, as words; a class's index is its digit. */
export const DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"] as const
