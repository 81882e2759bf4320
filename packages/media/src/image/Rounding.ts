/** Rounds to the nearest integer, halves to the even one, as Python's `round` and OpenCV's `cvRound`. */
export const round = (x: number): number => {
  const below = Math.floor(x)
  if (x - below !== 0.5) return Math.round(x)
  return below % 2 === 0 ? below : below + 1
}
