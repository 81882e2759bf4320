/** Characters that do something instead of being seen: they are shown as their numbers. */

/** Controls but tabs and line breaks, separators of lines, marks that turn the direction of what follows, halves of pairs. */
const UNSEEN = /(?![\t\n])[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u202a-\u202e\u2066-\u2069]/gu

/** A text without such characters; tabs and line breaks stay. */
export const visible = (text: string): string =>
  text.replaceAll(UNSEEN, (one) => `\\u{${one.codePointAt(0)!.toString(16)}}`)

/** A text as one line. */
export const oneLine = (text: string): string => visible(text).replaceAll("\n", "\\n").replaceAll("\t", "\\t")
