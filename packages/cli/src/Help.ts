/**
 * Help and usage errors of the command. The help of `igm run FILE` shows the program's arguments before the command's own
 * flags; a usage error is one line, and a second one names the help.
 */
import { Console } from "effect"
import { CliOutput, type HelpDoc } from "effect/cli"
import { stripVTControlCharacters } from "node:util"

/** A program whose arguments are flags of the command. */
export interface Program {
  /** The name of the experiment, and the path of its file. */
  readonly name: string
  readonly file: string
  readonly flags: ReadonlyArray<string>
}

const base = (colors: boolean) => CliOutput.defaultFormatter({ colors, globalFlags: "summary" })

/** The help of a command that runs a program: its flags in two groups, under headings of their own. */
const grouped = (doc: HelpDoc.HelpDoc, { name, flags }: Program, format: (doc: HelpDoc.HelpDoc) => string): string => {
  const isOwn = (flag: HelpDoc.FlagDoc) => flags.includes(flag.name)
  const own = doc.flags.filter(isOwn)
  const others = [...doc.flags.filter((flag) => !isOwn(flag)), ...(doc.inheritedFlags ?? [])]
  const command = doc.commandPath?.join(" ") ?? "the command"
  const headings = new Map([
    ["FLAGS", `ARGUMENTS OF THE PROGRAM ${name}`],
    ["INHERITED FLAGS", `FLAGS OF ${command}`]
  ])
  const headed = (line: string) => {
    const plain = stripVTControlCharacters(line)
    const heading = headings.get(plain)
    return heading === undefined ? line : line.replace(plain, () => heading)
  }
  return format({ ...doc, flags: own, inheritedFlags: others })
    .split("\n")
    .map(headed)
    .join("\n")
}

/** A message in one line; what follows an empty line is a sentence of its own. */
const lineOf = (message: string): string => message.replace(/\n\n\s*/, ". ").replaceAll(/\s*\n\s*/g, " ")

/** Prints help on standard output, and usage errors on standard error. */
export const presenter = (program: Program | undefined, colors: boolean): CliOutput.Presenter => {
  const formatter = base(colors)
  return {
    present: (event) => {
      if (event._tag === "Version") return Console.log(formatter.formatVersion(event.name, event.version))
      if (event._tag === "Help") {
        const { helpDoc } = event
        const isOfProgram = program !== undefined && event.commandPath.at(-1) === "run"
        return Console.log(
          isOfProgram ? grouped(helpDoc, program, formatter.formatHelpDoc) : formatter.formatHelpDoc(helpDoc)
        )
      }
      const lines = event.errors.map((error) => `igm: ${lineOf(formatter.formatCliError(error))}`)
      const command = [...event.commandPath, ...(program === undefined ? [] : [program.file])].join(" ")
      return Console.error([...lines, `${command} --help tells what can be given`].join("\n"))
    }
  }
}
