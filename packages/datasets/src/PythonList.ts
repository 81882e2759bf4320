/**
 * Lists of texts and integers as Python writes them, in which annotations of tweets are published: `['12', "it's", 1]`. Strict:
 * what is anything else is a problem with its place, and nothing is evaluated.
 */

/** The values of a list, or what is wrong at which character, counted from 0. */
export type Read =
  { readonly values: ReadonlyArray<string | number> } | { readonly at: number; readonly problem: string }

const ESCAPES: { readonly [letter: string]: string } = {
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\n": ""
}

class Problem extends Error {
  readonly at: number
  constructor(at: number, problem: string) {
    super(problem)
    this.at = at
  }
}

/** The text in quotes that begins at a place, and where it ends. */
const quoted = (line: string, start: number): readonly [text: string, end: number] => {
  const quote = line[start]!
  let text = ""
  for (let at = start + 1; at < line.length; at++) {
    const letter = line[at]!
    if (letter === quote) return [text, at + 1]
    if (letter !== "\\") {
      text += letter
      continue
    }
    const next = line[++at] ?? ""
    const digits = { x: 2, u: 4, U: 8 }[next]
    if (digits === undefined) {
      // An escape that Python does not know stands for itself.
      text += ESCAPES[next] ?? `\\${next}`
      continue
    }
    const code = line.slice(at + 1, at + 1 + digits)
    if (code.length < digits || !/^[0-9a-f]+$/i.test(code))
      throw new Problem(at - 1, `\\${next} without ${digits} digits`)
    const point = Number.parseInt(code, 16)
    if (point > 0x10ffff) throw new Problem(at - 1, `\\U${code} is no character`)
    text += String.fromCodePoint(point)
    at += digits
  }
  throw new Problem(start, "a text that does not end")
}

/** Reads a list. */
export const parse = (line: string): Read => {
  const values: Array<string | number> = []
  let at = 0
  const space = () => {
    while (line[at] === " " || line[at] === "\t") at++
  }
  try {
    space()
    if (line[at] !== "[") throw new Problem(at, "this is not a Python list: it does not begin with [")
    at++
    for (space(); line[at] !== "]"; space()) {
      if (values.length > 0) {
        if (line[at] !== ",") throw new Problem(at, at >= line.length ? "the list does not end" : "a comma is missing")
        at++
        space()
        if (line[at] === "]") break
      }
      const number = /^[+-]?\d+(?![\w.])/.exec(line.slice(at, at + 32))?.[0]
      if (number !== undefined) {
        values.push(Number(number))
        at += number.length
      } else if (line[at] === "'" || line[at] === '"') {
        const [text, end] = quoted(line, at)
        values.push(text)
        at = end
      } else {
        throw new Problem(at, at >= line.length ? "the list does not end" : "neither a text in quotes nor an integer")
      }
    }
    at++
    space()
    if (at < line.length) throw new Problem(at, "something stands behind the list")
    return { values }
  } catch (problem) {
    if (problem instanceof Problem) return { at: problem.at, problem: problem.message }
    throw problem
  }
}
