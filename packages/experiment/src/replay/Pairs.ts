/** Pairs the artifacts of two runs. If a name occurs more than once, its artifacts are paired in order. */

interface Named {
  readonly stage: string
  readonly name: string
}

const numbered = <A extends Named>(artifacts: ReadonlyArray<A>): ReadonlyMap<string, A> => {
  const times = new Map<string, number>()
  return new Map(
    artifacts.map((artifact) => {
      const name = JSON.stringify([artifact.stage, artifact.name])
      const time = times.get(name) ?? 0
      times.set(name, time + 1)
      return [`${name}${time}`, artifact] as const
    })
  )
}

/**
 * Pairs artifacts of the same stage and name, in the order of the first list; artifacts of one run alone are paired
 * with `undefined`.
 */
export const inPairs = <A extends Named, B extends Named>(
  a: ReadonlyArray<A>,
  b: ReadonlyArray<B>
): ReadonlyArray<readonly [A | undefined, B | undefined]> => {
  const [ours, theirs] = [numbered(a), numbered(b)]
  return [...new Set([...ours.keys(), ...theirs.keys()])].map((key) => [ours.get(key), theirs.get(key)] as const)
}
