/**
 * Tables and buffers that decoding reuses from one file to the next: the tables of the most recent settings, and the
 * memory for one sound. A workspace belongs to a `MediaDecoder` and lives as long as it does.
 */
import LibSampleRate from "@alexanderolsen/libsamplerate-js"
import * as Resample from "./audio/Resample.ts"
import * as ResizeWeights from "./image/ResizeWeights.ts"
import type { WordPieces } from "./text/WordPieces.ts"

export interface Workspace {
  /** Gives the plan of a resampling between two rates. */
  readonly resampling: typeof Resample.planOf
  /** Gives a converter of libsamplerate between two rates, which owns a WebAssembly module. */
  readonly converter: (from: number, to: number) => ReturnType<typeof LibSampleRate.create>
  /** Gives the weights of a resize along an axis. */
  readonly resizing: typeof ResizeWeights.weightsOf
  /** Vocabularies by their digest and file name. */
  readonly vocabularies: Map<string, WordPieces>
  /** Gives a buffer of `length` floats, valid until the next call. */
  readonly floats: (length: number) => Float32Array
}

/** Memoizes a pure function for its most recent arguments. */
const remembering = <A extends ReadonlyArray<string | number>, B>(
  most: number,
  compute: (...args: A) => B
): ((...args: A) => B) => {
  const known = new Map<string, B>()
  return (...args) => {
    const key = args.join(" ")
    const found = known.get(key) ?? compute(...args)
    known.delete(key)
    known.set(key, found)
    if (known.size > most) known.delete(known.keys().next().value!)
    return found
  }
}

/** Creates a converter of one channel. */
const converterOf: Workspace["converter"] = (from, to) =>
  LibSampleRate.create(1, from, to, { converterType: LibSampleRate.ConverterType.SRC_SINC_FASTEST })

/** Creates an empty workspace. */
export const make = (): Workspace => {
  let room = new Float32Array()
  return {
    resampling: remembering(8, Resample.planOf),
    converter: remembering(8, converterOf),
    resizing: remembering(256, ResizeWeights.weightsOf),
    vocabularies: new Map(),
    floats: (length) => {
      if (room.length < length) room = new Float32Array(length)
      return room.subarray(0, length)
    }
  }
}
