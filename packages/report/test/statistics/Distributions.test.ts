import { assert, describe, it } from "@effect/vitest"
import { Statistics } from "../../src/index.ts"
import { golden } from "./made.ts"

const { Distributions } = Statistics

describe("Distributions", () => {
  it("functions and quantiles are scipy's", () => {
    const all = golden().quantiles
    const functions: { readonly [K in keyof typeof all]: (...given: ReadonlyArray<number>) => number } = {
      normal: (z) => Distributions.normal(z!),
      studentQuantile: (p, freedom) => Distributions.studentQuantile(p!, freedom!),
      fisherTail: (x, a, b) => Distributions.fisherTail(x!, a!, b!),
      chiSquareTail: (x, freedom) => Distributions.chiSquareTail(x!, freedom!),
      rangeQuantile: (p, means) => Distributions.rangeQuantile(p!, means!)
    }
    for (const name of Object.keys(functions) as ReadonlyArray<keyof typeof all>) {
      for (const row of all[name]) {
        const [given, expected] = [row.slice(0, -1), row.at(-1)!]
        const found = functions[name](...given)
        assert.closeTo(found, expected, 1e-7 * Math.max(1, Math.abs(expected)), `${name} ${given.join(" ")}`)
      }
    }
  })

  it("Student's distribution with very many degrees of freedom is the normal one", () => {
    assert.closeTo(Distributions.studentQuantile(0.975, 1e5), Distributions.studentQuantile(0.975, Infinity), 1e-4)
    assert.closeTo(Distributions.studentQuantile(0.975, Infinity), 1.959963984540054, 1e-9)
  })
})
