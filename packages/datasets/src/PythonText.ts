/**
 * Texts in quotes as Python 3 writes them: with escapes or raw, in single or triple quotes. A text is a list of code points
 * first, since in Python two halves of a character, written as escapes, are not that character.
 */

/** A problem of a line, and the character at which it is. */
export class Problem extends Error {
  readonly at: number
  constructor(at: number, problem: string) {
    super(problem)
    this.at = at
  }
}

/** The valid prefixes of a string literal. */
const START = /([A-Za-z]*)('''|"""|'|")/y

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

const startAt = (line: string, at: number): RegExpExecArray | null => {
  START.lastIndex = at
  return START.exec(line)
}

/** Tests whether a string literal begins at a place. */
export const beginsAt = (line: string, at: number): boolean => startAt(line, at) !== null

/** The code point or text of the escape whose backslash is at a place, and where it ends. */
const escapeAt = (line: string, at: number): readonly [meaning: number | string, end: number] => {
  const octal = /^[0-7]{1,3}/.exec(line.slice(at + 1, at + 4))?.[0]
  if (octal !== undefined) return [Number.parseInt(octal, 8), at + 1 + octal.length]
  const letter = String.fromCodePoint(line.codePointAt(at + 1) ?? 0)
  if (letter === "N") throw new Problem(at, "\\N{…} names a character, and names are not known here: write it as it is")
  const digits = { x: 2, u: 4, U: 8 }[letter]
  // An escape that Python does not know stands for itself.
  if (digits === undefined) return [ESCAPES[letter] ?? `\\${letter}`, at + 1 + letter.length]
  const code = line.slice(at + 2, at + 2 + digits)
  if (code.length < digits || !/^[0-9a-f]+$/i.test(code)) throw new Problem(at, `\\${letter} without ${digits} digits`)
  const point = Number.parseInt(code, 16)
  if (point > 0x10ffff) throw new Problem(at, `\\U${code} is no character`)
  return [point, at + 2 + digits]
}

/** Reads the text that begins at a place, adds its code points to those before it, and gives where it ends. */
export const read = (line: string, start: number, points: Array<number>): number => {
  const [opening, letters, quotes] = startAt(line, start)! as unknown as readonly [string, string, string]
  const prefix = letters.toLowerCase()
  if (["b", "br", "rb"].includes(prefix)) throw new Problem(start, "bytes, not a text")
  if (!["", "r", "u"].includes(prefix)) throw new Problem(start, `a text that begins with ${letters}${quotes}`)
  let at = start + opening.length
  while (at < line.length) {
    if (line.startsWith(quotes, at)) return at + quotes.length
    const point = line.codePointAt(at)!
    if (line[at] === "\n" && quotes.length === 1) break
    if (line[at] !== "\\" || at + 1 >= line.length) {
      points.push(point)
      at += point > 0xffff ? 2 : 1
    } else if (prefix === "r") {
      // A quote after a backslash does not end the text, and both are of it; so does a second backslash.
      points.push(point)
      if (line[at + 1] === "\\" || line[at + 1] === "\n" || line[at + 1] === quotes[0])
        points.push(line.codePointAt(++at)!)
      at++
    } else {
      const [meaning, end] = escapeAt(line, at)
      if (typeof meaning === "number") points.push(meaning)
      else points.push(...Array.from(meaning, (letter) => letter.codePointAt(0)!))
      at = end
    }
  }
  throw new Problem(start, "a text that does not end")
}

/** The text of code points. */
export const ofPoints = (points: ReadonlyArray<number>, at: number): string => {
  const isHalf = (point: number | undefined, from: number) =>
    point !== undefined && point >= from && point < from + 0x400
  if (points.some((point, i) => isHalf(point, 0xd800) && isHalf(points[i + 1], 0xdc00))) {
    throw new Problem(at, "two halves of a character, which Python does not join: write \\U and its eight digits")
  }
  return points.map((point) => String.fromCodePoint(point)).join("")
}
