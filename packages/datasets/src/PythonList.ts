/**
 * Lists of texts and integers as Python writes them, in which annotations of tweets are published: `['12', "it's", 1]`. They
 * are read as `ast.literal_eval` reads them, or refused with the place: what is anything else than texts and integers, and
 * `\N{…}`, for which one would need the names of all characters. Nothing is evaluated.
 */
import * as PythonText from "./PythonText.ts"

/** The values of a list, or what is wrong at which character, counted from 0. */
export type Read =
  { readonly values: ReadonlyArray<string | number> } | { readonly at: number; readonly problem: string }

const SPACES = /[ \t\f\n]*/y
/** Decimal without leading zeros, hexadecimal, octal or binary, in which single underscores may part digits. */
const INTEGER =
  /([+-]?)[ \t\f\n]*(0[xX](?:_?[\da-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|0(?:_?0)*|[1-9](?:_?\d)*)(?![\w.])/y

const matchAt = (pattern: RegExp, line: string, at: number): RegExpExecArray | null => {
  pattern.lastIndex = at
  return pattern.exec(line)
}

const afterSpaces = (line: string, at: number): number => at + (matchAt(SPACES, line, at)?.[0].length ?? 0)

/** A value, and where it ends; texts one after another are one. */
const valueAt = (line: string, start: number): readonly [value: string | number, end: number] => {
  const integer = matchAt(INTEGER, line, start)
  if (integer !== null) {
    const size = Number(integer[2]!.replaceAll("_", ""))
    if (!Number.isSafeInteger(size)) throw new PythonText.Problem(start, "an integer that is too large")
    return [integer[1] === "-" && size > 0 ? -size : size, start + integer[0].length]
  }
  const points: Array<number> = []
  let end = start
  for (let at = start; PythonText.beginsAt(line, at); at = afterSpaces(line, end)) {
    end = PythonText.read(line, at, points)
  }
  if (end === start) {
    throw new PythonText.Problem(
      start,
      start >= line.length ? "the list does not end" : "neither a text in quotes nor an integer"
    )
  }
  return [PythonText.ofPoints(points, start), end]
}

/** Reads a list. */
export const parse = (text: string): Read => {
  // Python takes every kind of line end for a line feed.
  const line = text.replaceAll(/\r\n?/g, "\n")
  const values: Array<string | number> = []
  try {
    const unread = /[\0\p{Cs}]/u.exec(line)
    if (unread !== null) throw new PythonText.Problem(unread.index, "a character that Python does not read")
    let at = /^[ \t]*/.exec(line)![0].length
    if (line[at] !== "[") throw new PythonText.Problem(at, "this is not a Python list: it does not begin with [")
    at = afterSpaces(line, at + 1)
    while (line[at] !== "]") {
      const [value, end] = valueAt(line, at)
      values.push(value)
      at = afterSpaces(line, end)
      if (line[at] === ",") at = afterSpaces(line, at + 1)
      else if (line[at] !== "]") {
        throw new PythonText.Problem(at, at >= line.length ? "the list does not end" : "a comma is missing")
      }
    }
    at++
    at += /^[ \t]*/.exec(line.slice(at))![0].length
    if (at < line.length) throw new PythonText.Problem(at, "something stands behind the list")
    return { values }
  } catch (problem) {
    if (problem instanceof PythonText.Problem) return { at: problem.at, problem: problem.message }
    throw problem
  }
}
