/** Samples to look at, to listen to and to read, and the heads' predictions of them. */
import { Digest } from "@igm/tensor"
import { Schema } from "effect"
import * as Block from "../Block.ts"
import * as Media from "../Media.ts"
import * as Section from "../Section.ts"

/** A sample, and the class probabilities of each head, and last those of all together. */
export interface SampleView {
  readonly id: string
  readonly group: string
  readonly label: number
  readonly media: { readonly [modality: string]: Media.Raw }
  readonly predictions: ReadonlyArray<{ readonly by: string; readonly probabilities: ArrayLike<number> }>
}

/** A card with its media as a data set gives them. */
export interface SampleCard extends Omit<Block.Card, "media"> {
  readonly media: ReadonlyArray<{ readonly alt: string; readonly media: Media.Raw }>
}

/** Cards whose pictures and sounds are named by the SHA-256 of their bytes. */
const Cards = Schema.Array(
  Schema.Struct({
    title: Schema.String,
    subtitle: Schema.String,
    media: Schema.Array(
      Schema.Struct({
        alt: Schema.String,
        media: Schema.Union([Schema.Struct({ digest: Schema.String }), Media.Words, Media.Fault])
      })
    ),
    bars: Schema.Array(
      Schema.Struct({ name: Schema.String, share: Schema.Finite, text: Schema.String, right: Schema.Boolean })
    )
  })
)

const GONE: Media.Media = { kind: "fault", problem: "it is not at hand" }

const section = Section.make("samples", {
  data: Cards,
  draw: (cards, attached) => {
    const found = ({ alt, media }: (typeof Cards.Type)[number]["media"][number]) =>
      "digest" in media ? { alt, media: attached[media.digest] ?? GONE } : { alt, media }
    return cards.length === 0 ? [] : [Block.samples(cards.map((card) => ({ ...card, media: card.media.map(found) })))]
  }
})

const hasBytes = (raw: Media.Raw): raw is Extract<Media.Raw, { readonly bytes: Uint8Array }> => "bytes" in raw

/** Cards with media and bars under a title. */
export const cards = (title: string, cards: ReadonlyArray<SampleCard>): Section.Section => {
  const attached: Record<string, Media.Media> = {}
  const referred = (raw: Media.Raw) => {
    if (!hasBytes(raw)) return raw
    const digest = Digest.ofBytes(raw.bytes)
    attached[digest] ??= Media.of(raw)
    return { digest }
  }
  const data = cards.map((card) => ({
    ...card,
    media: card.media.map(({ alt, media }) => ({ alt, media: referred(media) }))
  }))
  return section(title, data, { media: attached })
}

const barOf = (
  classes: ReadonlyArray<string>,
  label: number,
  { by, probabilities }: SampleView["predictions"][number]
): Block.Card["bars"][number] => {
  const numbers = Array.from(probabilities)
  const share = Math.max(...numbers)
  const top = numbers.indexOf(share)
  return { name: by, share, text: `${classes[top]} ${share.toFixed(2)}`, right: top === label }
}

/** Samples of a split, each with the most probable class by each head. */
export const samples = (
  views: ReadonlyArray<SampleView>,
  { split, classes }: { readonly split: string; readonly classes: ReadonlyArray<string> }
): Section.Section =>
  cards(
    `Samples of the ${split} split`,
    views.map(({ id, group, label, media, predictions }) => ({
      title: classes[label]!,
      subtitle: `${id} · ${group}`,
      media: Object.entries(media).map(([modality, media]) => ({ alt: `${modality} of ${classes[label]!}`, media })),
      bars: predictions.map((one) => barOf(classes, label, one))
    }))
  )
