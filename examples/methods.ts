/**
 * The methods that the experiments on published data sets compare: IGM in its two semantics, with the settings that the
 * paper and its released code have for the data set, and the plain baselines with the same heads, turns and epochs. Without gradient modification (τ = 0) IGM is the control of it.
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

/** The methods, in the order of the table; all fuse by the mean of softmaxes, as the released code does. */
export const methods = <const H extends Igm.Heads>(
  given: Igm.Options<H>,
  { rho, switches = {} }: Released<NoInfer<keyof H & string>>
): Trial.Methods<Igm.WidthsOf<H>> => {
  const options: Igm.Options<H> = { fusion: "mean", ...given }
  return [
    Igm.paper(options),
    Igm.code({ ...options, rho, switches }),
    { ...Igm.paper({ ...options, tau: 0 }), name: "IGM (paper), τ = 0" },
    Baselines.lateFusion(options),
    Baselines.jointHead(options),
    ...options.ring.order.map((modality) => Baselines.alone(options, modality))
  ]
}
