/**
 * Memory that does not wait for a collection of garbage. The numbers of typed arrays lie outside of V8's heap, and V8
 * looks after them when there are some tens of megabytes, at a time that it chooses, in each thread. What is used again
 * needs no collection, what is let go by hand is free at once, and what a process holds does not depend on that choice.
 */

let isByHand = false

/**
 * From now on this thread lets go of memory by hand. It is for threads that do little else than to make such memory: where a
 * buffer has been let go once, V8 has to ask of each typed array whether it still has one.
 */
export const releaseByHand = (): void => {
  isByHand = true
}

/**
 * Lets go of numbers that nobody reads any more, unless others lie in the same buffer, or this thread leaves that to V8; the
 * array may be empty then.
 */
export const release = ({ buffer, byteLength }: ArrayBufferView): void => {
  if (isByHand && buffer instanceof ArrayBuffer && buffer.byteLength === byteLength && !buffer.detached) {
    buffer.transfer(0)
  }
}

/** Buffers in which this thread's next results are to lie. */
const lent: Array<ArrayBufferLike> = []

/** Lends this thread memory that others read as well, for what it makes by `float32` and `copied`; each takes one buffer. */
export const lend = (buffers: ReadonlyArray<ArrayBufferLike>): void => void lent.push(...buffers)

/** Takes out of what was lent a buffer of so many bytes; if the largest is smaller it is let go, since a larger one will follow. */
export const take = (bytes: number): ArrayBufferLike | undefined => {
  const found = fitting(lent, bytes)
  return found !== undefined && found.byteLength >= bytes ? found : undefined
}

/** Takes back so many buffers that were lent and not used. */
export const takeBack = (count: number): void => void lent.splice(0, count)

/** So many numbers, which may be anything: in memory that was lent if it is large enough, and else in new memory. */
export const float32 = (length: number): Float32Array => {
  const found = take(4 * length)
  return found === undefined ? new Float32Array(length) : new Float32Array(found, 0, length)
}

/** A copy of numbers in such memory. */
export const copied = (numbers: Float32Array): Float32Array => {
  const out = float32(numbers.length)
  out.set(numbers)
  return out
}

/** Takes out the smallest buffer that holds so many bytes, and where there is none the largest. */
export const fitting = <B extends ArrayBufferLike>(spare: Array<B>, bytes: number): B | undefined => {
  const better = (a: number, b: number) => (a >= bytes && b >= bytes ? a < b : a > b)
  let best = 0
  for (let i = 1; i < spare.length; i++) if (better(spare[i]!.byteLength, spare[best]!.byteLength)) best = i
  return spare.splice(best, 1)[0]
}

/** Buffers that are used again. There are never more of them than were in use at one time. */
export interface Pool {
  /** A buffer of so many bytes or more, with any numbers in it. Throws a `RangeError` where there is not enough memory. */
  readonly take: (bytes: number) => ArrayBufferLike
  /** Gives back a buffer that nobody reads any more. */
  readonly give: (buffer: ArrayBufferLike) => void
}

const make = (make: (bytes: number) => ArrayBufferLike): Pool => {
  const spare: Array<ArrayBufferLike> = []
  return {
    take: (bytes) => {
      const found = fitting(spare, bytes)
      if (found !== undefined && found.byteLength >= bytes) return found
      // A larger one comes in the place of one that is too small.
      return make(bytes)
    },
    give: (buffer) => void spare.push(buffer)
  }
}

/** A pool of buffers of one thread. */
export const pool = (): Pool => make((bytes) => new ArrayBuffer(bytes))

/** A pool of buffers that several threads read. */
export const sharedPool = (): Pool => make((bytes) => new SharedArrayBuffer(bytes))

/** A copy of an array's numbers at the start of a buffer that is large enough. */
export const copy = <A extends Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array>(
  numbers: A,
  buffer: ArrayBufferLike
): A => {
  const Numbers = numbers.constructor as new (buffer: ArrayBufferLike, offset: number, length: number) => A
  const out = new Numbers(buffer, 0, numbers.length)
  out.set(numbers as never)
  return out
}
