/** The functions of jstat that are used here; the package has no types of its own. */
declare module "jstat" {
  interface Distribution {
    readonly cdf: (x: number, ...parameters: ReadonlyArray<number>) => number
    readonly inv: (p: number, ...parameters: ReadonlyArray<number>) => number
  }
  const jstat: {
    readonly jStat: {
      readonly normal: Distribution
      readonly studentt: Distribution
      readonly centralF: Distribution
      readonly chisquare: Distribution
      readonly tukey: Distribution
    }
  }
  export default jstat
}
