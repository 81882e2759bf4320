/** Designs of simulated tables: how many seeds and samples they have, and what varies by chance. */

/** A design. */
export interface Design {
  readonly seeds: number
  readonly samples: number
  /** The standard deviation of a method's accuracy between seeds, in points. */
  readonly deviation: number
  /** True if samples come in clusters that are alike. */
  readonly clustered: boolean
}

/** The designs of the bars: 3 and 10 seeds, 1,000 and 4,000 samples, a seed SD of 0 to 2 points, clusters or none. */
export const designs: ReadonlyArray<Design> = [3, 10].flatMap((seeds) =>
  [1000, 4000].flatMap((samples) =>
    [false, true].flatMap((clustered) => [0, 0.5, 1, 2].map((deviation) => ({ seeds, samples, deviation, clustered })))
  )
)

/** "3 seeds, n 1000, SD 0.5, clusters". */
export const nameOf = ({ seeds, samples, deviation, clustered }: Design): string =>
  `${seeds} seeds, n ${samples}, SD ${deviation}${clustered ? ", clusters" : ""}`
