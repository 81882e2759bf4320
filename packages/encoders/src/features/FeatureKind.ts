/**
 * All that decides features besides the samples: encoder, preprocessing, and what runs the encoder. Work of one kind shares
 * its rows.
 */
import type { Work } from "@igm/io"
import { Digest } from "@igm/tensor"
import * as Encoder from "../Encoder.ts"

/** The stage of features in a store, and its version, which is raised when the same samples would be encoded otherwise. */
export const STAGE = "features"
export const VERSION = 2

/** A kind of work, in the words of its artifacts' keys. */
export interface Kind {
  readonly encoder: Digest.Digest
  readonly preprocessing: Digest.Json
  /** The multiple that free sizes are filled up to, if they are. */
  readonly multiple?: number
  readonly on: Digest.Json
}

/** The work of one kind; on other devices than the processor a batch's size may change its bits, and is part of it. */
export const make = (
  encoder: Encoder.Encoder,
  {
    preprocessing,
    multiple,
    batch
  }: { readonly preprocessing: Digest.Json; readonly multiple?: number | undefined; readonly batch: number },
  { provider, version }: { readonly provider: string; readonly version: string }
): Kind => ({
  encoder: Encoder.identity(encoder),
  preprocessing,
  ...(multiple === undefined ? {} : { multiple }),
  on: { provider, runtime: version, ...(provider === "cpu" ? {} : { batch }) }
})

/** The digest that names a kind of work. */
export const digestOf = ({ encoder, preprocessing, multiple, on }: Kind): Digest.Digest =>
  Digest.ofJson([VERSION, encoder, preprocessing, multiple ?? null, on])

/** The work of encoding samples. */
export const workOf = ({ on, ...kind }: Kind, samples: ReadonlyArray<Digest.Digest>): Work => ({
  stage: STAGE,
  version: VERSION,
  key: { ...kind, samples },
  on
})
