/** The names of a rival's variants: a table that shows two of them needs two names. */

/** The name of a method, with what differs from its default in brackets; `false` for what does not. */
export const name = (method: string, differences: ReadonlyArray<string | false>): string => {
  const words = differences.filter((word) => word !== false)
  return words.length === 0 ? method : `${method} (${words.join(", ")})`
}
