/**
 * Why bytes are not what they should be: thrown by the pure readers of weight files, and turned into an `EncoderError` that
 * names the file where they are used.
 */
export class Malformed extends Error {
  override readonly name: string = "Malformed"
}

/** The bytes at hand end before what they hold does. */
export class EndsEarly extends Malformed {
  override readonly name = "EndsEarly"
}

/** Throws `Malformed`. */
export const malformed = (reason: string): never => {
  throw new Malformed(reason)
}
