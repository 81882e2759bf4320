/**
 * Names that a person gives: to experiments, methods, classes, modalities and stages. All of them are printed, many become
 * files, and one rule is for all: whoever reads a name sees all of it, and a file of that name can be had on every system.
 */
import { Schema } from "effect"

/** The most bytes of a name in UTF-8: what is made of it still fits into the 255 that a file's name may have. */
export const LONGEST = 120

/** What is not seen, or looks like a blank and is none: controls, marks of direction, lone surrogates, fillers. */
const UNSEEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]|(?! )\p{Zs}/u

const UNSEEN_ALL = new RegExp(UNSEEN, "gu")

/** What Windows takes for a device, whatever follows the first dot. */
const DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(\.|$)/i

/** A name that breaks the rule. */
export class NameError extends Schema.TaggedError<NameError>()("NameError", {
  /** What is named: "the name of the experiment". */
  of: Schema.String,
  /** The name, as it can be printed. */
  name: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `${this.of} is ${this.name}: ${this.problem}`
  }
}

/** A text in quotes, as one line of which every character is seen, and not all of a long one. */
export const shown = (text: string): string => {
  const start = Array.from(text.slice(0, 2 * SHOWN)).slice(0, SHOWN)
  const escaped = start.join("").replaceAll(UNSEEN_ALL, (one) => `\\u{${one.codePointAt(0)!.toString(16)}}`)
  return `"${escaped}${start.join("").length < text.length ? "…" : ""}"`
}

const SHOWN = 60

/** What is wrong with a text of one line, in words, if anything is. */
const problemOf = (text: string, longest: number): string | undefined => {
  if (text === "") return "it may not be empty"
  if (UNSEEN.test(text)) return "it may not have a line break, a control or another character that cannot be seen"
  if (text.trim() !== text) return "it may not have a blank at either end"
  const bytes = new TextEncoder().encode(text).length
  return bytes > longest ? `it may have at most ${longest} bytes, and has ${bytes}` : undefined
}

/** What is wrong with a name that becomes a file's or folder's, if anything is. */
const fileProblemOf = (name: string): string | undefined => {
  const problem = problemOf(name, LONGEST)
  if (problem !== undefined) return problem
  if (/[/\\:*?"<>|]/.test(name)) return 'a folder is named by it, so it may have none of / \\ : * ? " < > |'
  if (/^[.~-]|\.$/.test(name)) return "a folder is named by it, so it may not begin with . - or ~, nor end with ."
  return DEVICE.test(name) ? "a folder is named by it, and on Windows this is the name of a device" : undefined
}

const kindOf = (value: unknown): string => (value === undefined || value === null ? String(value) : `a ${typeof value}`)

const required = (of: string, name: unknown, problemOf: (name: string) => string | undefined): string => {
  const problem = typeof name === "string" ? problemOf(name) : "it has to be a text"
  if (problem === undefined) return name as string
  throw new NameError({ of, name: typeof name === "string" ? shown(name) : kindOf(name), problem })
}

/** A name that is printed. Throws a `NameError` that says what it names. */
export const printed = (of: string, name: unknown): string => required(of, name, (text) => problemOf(text, LONGEST))

/** A name that a folder is called by. Throws a `NameError`. */
export const folder = (of: string, name: unknown): string => required(of, name, fileProblemOf)

/**
 * A name that values are kept under, such as a modality's. Throws a `NameError`, also for the name of what every object of
 * the language has.
 */
export const key = (of: string, name: unknown): string =>
  required(of, name, (text) =>
    text in {} ? "every object has something of this name: choose another" : fileProblemOf(text)
  )

/** A sentence of one line, such as a title. Throws a `NameError`. */
export const sentence = (of: string, text: unknown): string => required(of, text, (text) => problemOf(text, 1000))

/**
 * The part of a file's name that stands for a name: its letters and digits in lower case. Empty for a name that has none.
 */
export const slug = (name: string): string =>
  name
    .normalize("NFC")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}]+/gu, "-")
    .replaceAll(/^-|-$/g, "")
