/** A report's sections for a terminal: those that ask for it, in their order, and last the notices with all small print. */
import type { Block, Line } from "../Block.ts"
import type { Report } from "../Report.ts"
import type { Section } from "../Section.ts"
import { oneLine, visible } from "./Visible.ts"

/** Lines of a table: its columns aligned, and a rule below the first row. */
export const aligned = (table: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const cells = table.map((row) => row.map(oneLine))
  const widths = cells[0]!.map((_, c) => cells.reduce((most, row) => Math.max(most, row[c]!.length), 0))
  const lines = cells.map((row) =>
    row
      .map((cell, c) => cell.padEnd(widths[c]!))
      .join("   ")
      .trimEnd()
  )
  return [lines[0]!, "─".repeat(widths.reduce((total, width) => total + width + 3, -3)), ...lines.slice(1)]
}

const indented = (lines: ReadonlyArray<string>): ReadonlyArray<string> => lines.map((line) => `  ${line}`)

const lineText = (line: Line): string => {
  if (typeof line === "string") return oneLine(line)
  const { name, text, code } = line
  return oneLine(`${name === undefined ? "" : `${name}: `}${text}${code === undefined ? "" : ` ${code}`}`)
}

/** The lines of a block. */
const blockLines = (block: Block): ReadonlyArray<string> => {
  switch (block.kind) {
    case "table":
      return ["", ...aligned([block.header, ...block.rows]), ...indented(block.notes.map(oneLine))]
    case "text":
      return indented(block.lines.map(lineText))
    case "facts": {
      const facts = block.facts.map(({ name, value }) => [oneLine(name), oneLine(value)] as const)
      const width = facts.reduce((most, [name]) => Math.max(most, name.length), 0)
      return indented(facts.map(([name, value]) => `${name.padEnd(width)}   ${value}`))
    }
    case "code":
      return indented([oneLine(block.title), ...visible(block.text).split("\n")])
    case "chart":
      return indented([`(chart: ${oneLine(block.name)})`])
    case "picture":
      return indented([`(picture: ${oneLine(block.alt)})`])
    case "samples":
      return indented(block.cards.map(({ title, subtitle }) => oneLine(`${title}: ${subtitle}`)))
  }
}

const isSmall = (block: Block): boolean => block.kind === "text" && block.tone === "small print"

/** Tests whether a terminal can show a block; a section without such blocks is only named. */
const isSeen = ({ kind }: Block): boolean => kind !== "chart" && kind !== "picture"

const linesOf = ({ terminal, view }: Section, first: ReadonlyArray<string> = []): ReadonlyArray<string> => {
  const own = view.filter((block) => !isSmall(block))
  const blocks = (own.some(isSeen) ? own.filter(isSeen) : own).map(blockLines)
  // A blank line parts a table from what follows.
  const body = blocks.flatMap((lines, b) =>
    b > 0 && lines[0] !== "" && blocks[b - 1]![0] === "" ? ["", ...lines] : lines
  )
  return [oneLine(terminal!), ...first, ...body]
}

/** The text; empty if no section asks for a terminal. */
export const text = ({ sections }: Report): string => {
  const asked = sections.filter(({ terminal, view }) => terminal !== undefined && view.length > 0)
  // Sections may have the same small print; once is enough.
  const small = [...new Set(asked.flatMap(({ view }) => view.filter(isSmall).flatMap(blockLines)))]
  const notices = asked.filter(({ look }) => look === "notice")
  const parts = [
    ...asked.filter(({ look }) => look !== "notice").map((section) => linesOf(section)),
    ...(notices.length === 0 && small.length > 0 ? [small] : []),
    ...notices.map((section, n) => linesOf(section, n === 0 ? small : []))
  ]
  return parts.map((lines) => lines.join("\n")).join("\n\n")
}
