// Programs that import this room are typechecked by themselves, and would not find the declaration otherwise.
// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="./jstat.d.ts" />
/** Distribution functions and quantiles. */
import jstat from "jstat"

const { jStat } = jstat

/** The degrees of freedom from which Student's distribution counts as the normal one. */
const MANY = 1e6

/** P(Z ≤ z) of a standard normal Z. */
export const normal = (z: number): number => jStat.normal.cdf(z, 0, 1)

/** The two-sided p-value 2 P(Z ≥ |z|) of a standard normal Z. */
export const twoSided = (z: number): number => 2 * normal(-Math.abs(z))

/** The quantile of Student's distribution with ν > 0 degrees of freedom, at p in (0, 1). */
export const studentQuantile = (p: number, freedom: number): number =>
  freedom >= MANY ? jStat.normal.inv(p, 0, 1) : jStat.studentt.inv(p, freedom)

/** P(F ≥ x) of Fisher's distribution. */
export const fisherTail = (x: number, numerator: number, denominator: number): number =>
  1 - jStat.centralF.cdf(x, numerator, denominator)

/** P(X ≥ x) of the χ² distribution. */
export const chiSquareTail = (x: number, freedom: number): number => 1 - jStat.chisquare.cdf(x, freedom)

/** The quantile of the studentized range of k means with known variance. */
export const rangeQuantile = (p: number, means: number): number => jStat.tukey.inv(p, means, MANY)
