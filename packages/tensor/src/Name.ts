/**
 * Rules for names that users give to experiments, methods, classes, modalities and stages. All names are printed and
 * many become file names, so one rule holds for all: every character is visible, and every file system accepts the
 * name.
 */
import { Schema } from "effect"

/** The largest number of bytes of a name in UTF-8: names derived from it fit into the 255 bytes of a file name. */
export const LONGEST = 120

/**
 * Characters that are invisible, or look like a space without being one: controls, direction marks, lone surrogates,
 * fillers.
 */
const UNSEEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]|(?! )\p{Zs}/u

const UNSEEN_ALL = new RegExp(UNSEEN, "gu")

/** Names that Windows reserves for devices, with any extension. */
const DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(\.|$)/i

/** A name that breaks the rule. */
export class NameError extends Schema.TaggedError<NameError>()("NameError", {
  /** The purpose of the name: "the name of the experiment". */
  of: Schema.String,
  /** The name in printable form. */
  name: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `${this.of} is ${this.name}: ${this.problem}`
  }
}

/** A text on one line with invisible characters escaped. */
export const visible = (text: string): string =>
  text.replaceAll(UNSEEN_ALL, (one) => `\\u{${one.codePointAt(0)!.toString(16)}}`)

/** Quotes a text on one line with invisible characters escaped, and shortens a long one. */
export const shown = (text: string): string => {
  const start = Array.from(text.slice(0, 2 * SHOWN))
    .slice(0, SHOWN)
    .join("")
  return `"${visible(start)}${start.length < text.length ? "…" : ""}"`
}

const SHOWN = 60

/** Describes the problem of a text of one line, if there is one. */
const problemOf = (text: string, longest: number): string | undefined => {
  if (text === "") return "it may not be empty"
  if (UNSEEN.test(text)) return "it may not have a line break, a control or another character that cannot be seen"
  if (text.trim() !== text) return "it may not have a blank at either end"
  const bytes = new TextEncoder().encode(text).length
  return bytes > longest ? `it may have at most ${longest} bytes, and has ${bytes}` : undefined
}

/** Describes the problem of a name for a file or folder, if there is one. */
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

/** Checks a name that is only printed. Throws a `NameError`. */
export const printed = (of: string, name: unknown): string => required(of, name, (text) => problemOf(text, LONGEST))

/** Checks a name of a folder. Throws a `NameError`. */
export const folder = (of: string, name: unknown): string => required(of, name, fileProblemOf)

/**
 * Checks a name that becomes a key of objects, such as a modality's. Throws a `NameError`, also for properties that
 * every JavaScript object has.
 */
export const key = (of: string, name: unknown): string =>
  required(of, name, (text) =>
    text in {} ? "every object has something of this name: choose another" : fileProblemOf(text)
  )

/** Checks a text of one line, such as a title. Throws a `NameError`. */
export const sentence = (of: string, text: unknown): string => required(of, text, (text) => problemOf(text, 1000))

/** Converts a name to a part of a file name: its letters and digits in lower case. Empty for a name that has none. */
export const slug = (name: string): string =>
  name
    .normalize("NFC")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}]+/gu, "-")
    .replaceAll(/^-|-$/g, "")
