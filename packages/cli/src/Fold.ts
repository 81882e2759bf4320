/**
 * Text in a narrow terminal. A line that is too long goes on in the next ones, indented; it is broken between the columns of
 * a table where it can, and otherwise between words. A word is not broken, so that paths can be copied, but between choices
 * (`a|b|c`) it is.
 */
import { stripVTControlCharacters } from "node:util"

/** Columns by which a line that goes on stands further in. */
const INDENT = 2

const widthOf = (text: string): number => stripVTControlCharacters(text).length

/** Words, each with the space before it, of which there is none between choices. */
const wordsOf = (line: string): ReadonlyArray<readonly [space: string, word: string]> =>
  [...line.matchAll(/(\s*)([^\s|]+\|?|\|)/g)].map(([, space, word]) => [space!, word!] as const)

/** The text of one column, with the space before it. Three spaces and more stand between columns. */
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

/** A text in lines of so many columns at most, but for words that are longer. */
export const fold = (text: string, columns: number): string =>
  text
    .split("\n")
    .flatMap((line) => foldLine(line, columns))
    .join("\n")
