/**
 * The methods that the experiments on published data sets compare: IGM in its two semantics, with the settings that the
 * paper and its released code have for the data set, and the plain baselines with the same heads, turns and epochs.
 */
import type { Trial } from "@igm/experiment"
import { Baselines, Igm } from "@igm/gradient"

/** The method whose difference to the others is tested. */
export const compared = ["IGM (paper)", "IGM (code)"]

/** Settings of the released code for a data set, besides the common ones. */
export interface Released<M extends string> {
  /** The radius ρ of the perturbation, one for all modalities. */
  readonly rho: number
  /** Its schedule and mixup, where they are not those of CREMA-D. */
  readonly switches?: Igm.Switches<M>
}

/** The methods, in the order of the table. */
export const methods = <const H extends Igm.Heads>(
  options: Igm.Options<H>,
  { rho, switches = {} }: Released<NoInfer<keyof H & string>>
): Trial.Methods<Igm.WidthsOf<H>> => [
  Igm.paper(options),
  Igm.code({ ...options, rho, switches }),
  Baselines.lateFusion(options),
  Baselines.jointHead(options),
  ...options.ring.order.map((modality) => Baselines.alone(options, modality))
]
