/** Pictures, sounds and words of a report. Bytes are base64, so that a report is plain JSON. */
import { Schema } from "effect"
import { heatMap } from "./draw/Png.ts"

/** Bytes in base64. */
const Base64 = Schema.String.check(Schema.isBase64())

/** The picture formats that a page shows; none of them can hold a script or an address. */
export const PictureType = Schema.Literals(["image/png", "image/jpeg", "image/gif", "image/webp"])

/** The sound formats that a page plays. */
const SoundType = Schema.Literals(["audio/wav", "audio/mpeg", "audio/flac", "audio/ogg", "audio/mp4"])

/** A picture; of a tiny one the page shows the pixels as such. */
export const Picture = Schema.Struct({
  kind: Schema.Literal("image"),
  type: PictureType,
  bytes: Base64,
  tiny: Schema.Boolean
})

/** A sound, and its spectrogram as PNG if there is one. */
export const Sound = Schema.Struct({
  kind: Schema.Literal("sound"),
  type: SoundType,
  bytes: Base64,
  spectrogram: Schema.optionalKey(Base64)
})

/** Words. */
export const Words = Schema.Struct({ kind: Schema.Literal("text"), text: Schema.String })

/** The reason for which something cannot be shown. */
export const Fault = Schema.Struct({ kind: Schema.Literal("fault"), problem: Schema.String })

/** Something to look at, to listen to or to read. */
export const Media = Schema.Union([Picture, Sound, Words, Fault])

/** Something to look at, to listen to or to read. */
export type Media = typeof Media.Type

/** Media as they come from a data set: bytes, and a spectrogram's numbers with low frequencies first. */
export type Raw =
  | { readonly kind: "image"; readonly type: string; readonly bytes: Uint8Array; readonly tiny?: boolean }
  | {
      readonly kind: "sound"
      readonly type: string
      readonly bytes: Uint8Array
      readonly spectrogram?: { readonly rows: number; readonly columns: number; readonly data: ArrayLike<number> }
    }
  | typeof Words.Type
  | typeof Fault.Type

/** Bytes in base64. */
export const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64")

const isPicture = Schema.is(PictureType)
const isSound = Schema.is(SoundType)

/** Media as a report holds them; a fault of those in a format that no page shows. */
export const of = (raw: Raw): Media => {
  if (raw.kind === "text" || raw.kind === "fault") return raw
  const { kind, type } = raw
  const bytes = base64(raw.bytes)
  if (kind === "image" && isPicture(type)) return { kind, type, bytes, tiny: raw.tiny ?? false }
  if (kind !== "sound" || !isSound(type)) return { kind: "fault", problem: `a page does not show ${type}` }
  const map = raw.spectrogram
  return {
    kind,
    type,
    bytes,
    ...(map === undefined ? {} : { spectrogram: base64(heatMap(map.rows, map.columns, map.data)) })
  }
}
