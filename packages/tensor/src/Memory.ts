/**
 * Reuse and explicit release of the memory of typed arrays. Their buffers lie outside of V8's heap, and each thread's
 * garbage collector frees them late, after tens of megabytes. Reused buffers need no collection and explicitly released
 * ones are free at once, so that the memory of a process does not depend on the collector.
 */

let isByHand = false

/**
 * Makes `release` work in this thread from now on, or stops it. This suits threads that mainly produce typed arrays:
 * once a buffer has been detached, V8 checks every access to a typed array, which is slower.
 */
export const releaseByHand = (byHand = true): void => {
  isByHand = byHand
}

/**
 * Frees the buffer of an array that is no longer read, which may leave the array empty. Does nothing if the buffer
 * holds more than this array, or if this thread leaves memory to V8.
 */
export const release = ({ buffer, byteLength }: ArrayBufferView): void => {
  if (isByHand && buffer instanceof ArrayBuffer && buffer.byteLength === byteLength && !buffer.detached) {
    buffer.transfer(0)
  }
}

/** The buffers that were lent to this thread for its next results. */
const lent: Array<ArrayBufferLike> = []

/**
 * Lends this thread buffers, which other threads may read too, for the arrays that `float32` and `copied` create; each
 * call uses one.
 */
export const lend = (buffers: ReadonlyArray<ArrayBufferLike>): void => void lent.push(...buffers)

/**
 * Takes a lent buffer of at least so many bytes; if all are smaller, drops the largest, since a larger one will follow.
 */
export const take = (bytes: number): ArrayBufferLike | undefined => {
  const found = fitting(lent, bytes)
  return found !== undefined && found.byteLength >= bytes ? found : undefined
}

/** Takes back so many lent buffers that were not used. */
export const takeBack = (count: number): void => void lent.splice(0, count)

/** An uninitialised array of so many numbers, in a lent buffer if one is large enough, else in new memory. */
export const float32 = (length: number): Float32Array => {
  const found = take(4 * length)
  return found === undefined ? new Float32Array(length) : new Float32Array(found, 0, length)
}

/** A copy of an array, in memory as of `float32`. */
export const copied = (numbers: Float32Array): Float32Array => {
  const out = float32(numbers.length)
  out.set(numbers)
  return out
}

/** Removes from a list the smallest buffer of at least so many bytes; if there is none, the largest. */
export const fitting = <B extends ArrayBufferLike>(spare: Array<B>, bytes: number): B | undefined => {
  const better = (a: number, b: number) => (a >= bytes && b >= bytes ? a < b : a > b)
  let best = 0
  for (let i = 1; i < spare.length; i++) if (better(spare[i]!.byteLength, spare[best]!.byteLength)) best = i
  return spare.splice(best, 1)[0]
}

/** A pool of reusable buffers, never more than were in use at one time. */
export interface Pool {
  /** Takes an uninitialised buffer of at least so many bytes. Throws a `RangeError` if memory is exhausted. */
  readonly take: (bytes: number) => ArrayBufferLike
  /** Returns a buffer that is no longer read. */
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

/** A pool for one thread. */
export const pool = (): Pool => make((bytes) => new ArrayBuffer(bytes))

/** A pool of shared buffers, which several threads can read. */
export const sharedPool = (): Pool => make((bytes) => new SharedArrayBuffer(bytes))

/** Copies an array to the start of a buffer, which has to be large enough. */
export const copy = <A extends Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array>(
  numbers: A,
  buffer: ArrayBufferLike
): A => {
  const Numbers = numbers.constructor as new (buffer: ArrayBufferLike, offset: number, length: number) => A
  const out = new Numbers(buffer, 0, numbers.length)
  out.set(numbers as never)
  return out
}
