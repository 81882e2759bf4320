/** Strings and the ids that BertTokenizer gives them, as `tools/reference/word_pieces.py` writes them. */
import type { WordPieces } from "../../src/index.ts"

/** A text, perhaps with its pair, perhaps cut to a length. */
export interface Case {
  readonly text: string
  readonly pair: string | null
  readonly length: number | null
}

/** The ids of a case, and how many of them are of the second text. */
export interface Expected {
  readonly ids: ReadonlyArray<number>
  readonly types: number
}

/** The encoding of a case. */
export const encodingOf = (words: WordPieces.WordPieces, { text, pair, length }: Case): WordPieces.Encoding =>
  words.encode(text, { ...(pair === null ? {} : { pair }), ...(length === null ? {} : { length }) })

/** Whether a case comes out as it should. */
export const agrees = (words: WordPieces.WordPieces, of: Case, expected: Expected): boolean => {
  const { ids, types } = encodingOf(words, of)
  const first = ids.length - expected.types
  return (
    ids.length === expected.ids.length &&
    ids.every((id, i) => id === expected.ids[i]) &&
    types.length === ids.length &&
    types.every((type, i) => type === (i < first ? 0 : 1))
  )
}
