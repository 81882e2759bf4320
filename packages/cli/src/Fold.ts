/**
 * Wraps text for narrow terminals. A long line continues in indented ones; it is broken between the columns of a table
 * if possible, and otherwise between words. Words are not broken, so that paths can be copied, except between choices
 * (`a|b|c`).
 */
import { stripVTControlCharacters } from "node:util"

/** The additional indentation of continuation lines, in columns. */
const INDENT = 2

const widthOf = (text: string): number => stripVTControlCharacters(text).length

/** Splits a line into words, each with the space before it, which is empty between choices. */
const wordsOf = (line: string): ReadonlyArray<readonly [space: string, word: string]> =>
  [...line.matchAll(/(\s*)([^\s|]+\|?|\|)/g)].map(([, space, word]) => [space!, word!] as const)

/**
 * Splits a line into the cells of a table, each with the space before it. Cells are separated by three spaces or more.
 */
const cellsOf = (line: string): ReadonlyArray<string> => line.split(/(?<=\S)(?= {3})/)

const foldLine = (line: string, columns: number): ReadonlyArray<string> => {
  if (widthOf(line) <= columns) return [line]
  if (/^─+$/.test(line)) return [line.slice(0, columns)]
  const own = /^ */.exec(line)![0].length
  // So much space at the beginning is an empty column.
  const indent = " ".repeat(Math.min((own < 8 ? own : 0) + INDENT, Math.floor(columns / 2)))
  const lines: Array<string> = []
  let last = ""
  const add = (space: string, word: string) => {
    const fits = (text: string) => widthOf(text) <= columns
    if (fits(last + space + word)) last += space + word
    else {
      if (last !== "") lines.push(last)
      last = fits(indent + word) ? indent + word : word
    }
  }
  for (const cell of cellsOf(line)) {
    const text = cell.trimStart()
    const isShort = widthOf(indent + text) <= columns
    if (isShort) add(cell.slice(0, cell.length - text.length), text)
    else for (const [space, word] of wordsOf(cell)) add(space, word)
  }
  return [...lines, last]
}

/** Wraps a text to a number of columns; longer words are kept whole. */
export const fold = (text: string, columns: number): string =>
  text
    .split("\n")
    .flatMap((line) => foldLine(line, columns))
    .join("\n")
