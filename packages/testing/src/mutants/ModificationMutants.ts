/** Wrong moments, matrices and matchings. */
import { Float64, Modification, Moment } from "@igm/gradient"
import * as ModificationLaws from "../laws/ModificationLaws.ts"
import type { Mutant } from "./Mutant.ts"

const { ops } = Float64

const matrix = (name: string, from: string, ofMeans: ModificationLaws.OfMeans): Mutant => ({
  name,
  from,
  laws: ModificationLaws.laws(ofMeans)
})

const centred: ModificationLaws.MeansOfHead = (...of) =>
  Moment.meansOfHead(...of).map((z) => {
    const mean = ops.multiply(ops.sum(z, "rows"), ops.scalar(1 / z.shape[0]!))
    return ops.subtract(z, mean)
  })

/** The mutants. */
export const mutants: ReadonlyArray<Mutant> = [
  matrix(
    "a flat spectrum has no guard",
    "IGM's code",
    (means, tau) => Modification.strictNaN(Modification.ofMeans(means, tau)).matrix
  ),
  matrix(
    "strong directions are stretched: τ has the wrong sign",
    "slip in eq. 4",
    (means, tau) => Modification.ofMeans(means, -tau).matrix
  ),
  matrix("the spectrum is not shifted by λmin", "slip in eq. 4", (means, tau) => {
    const moment = Moment.ofMeans(means)
    return Modification.exponential(moment, tau, [0, Math.max(...Modification.eigenvalues(moment))], 60)
  }),
  matrix("the spectrum is not scaled", "slip in eq. 4", (means, tau) =>
    Modification.exponential(Moment.ofMeans(means), tau, [0, 1], 60)
  ),
  matrix("P is the identity: the rule is dead code", "MLA's code", ({ shape }) => Modification.identity(shape[1]!)),
  {
    name: "the moment is centred",
    from: "misreading of eq. 2, which is called a variance",
    laws: ModificationLaws.momentLaws(centred)
  },
  {
    name: "the moment is of samples, not of batch means",
    from: "misreading of eq. 2",
    laws: ModificationLaws.momentLaws((head, parameters, features, order) =>
      Moment.meansOfHead(head, parameters, features, order, 1)
    )
  },
  {
    name: "P is matched by shape, which may leave a layer out or hit it twice",
    from: "IGM's code",
    laws: ModificationLaws.matchingLaws((widths, previous, l) => Modification.partners("shape", widths, previous, l))
  }
]
