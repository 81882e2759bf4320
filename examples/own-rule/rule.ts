/** A gradient rule of one's own: gradient centralization (Yong et al., ECCV 2020), G ← G − the mean of each row. */
import { Head, Ops, type Rule } from "@igm/gradient"

export const centralize: Rule.Rule = {
  name: "centralized",
  description: "late fusion; each row of a weight's gradient is moved to mean 0",
  identity: false,
  apply: (ops, gradients, { parameters }) =>
    Ops.mapNamed(gradients, (g, name) => {
      if (!Head.isWeight(name)) return g
      const w = Ops.get(parameters, name)
      // Ones of the weight's shape: 0 · W + 1.
      const ones = ops.add(ops.multiply(w, ops.scalar(0)), ops.scalar(1))
      const mean = ops.divide(ops.sum(g, "columns"), ops.sum(ones, "columns"))
      return ops.subtract(g, mean)
    })
}
