/** A page of samples to look at, listen to and read, class by class. */
import type { Shown } from "@igm/datasets"
import { document, escape, section, shown, table } from "./Page.ts"

/** A sample. */
export interface Sample {
  readonly id: string
  readonly group: string
  readonly split: string
  readonly class: string
  /** By modality: what is shown, or why it cannot be. */
  readonly media: { readonly [modality: string]: Shown.Shown | { readonly kind: "fault"; readonly problem: string } }
}

const card = ({ id, group, split, class: label, media }: Sample): string => {
  const parts = Object.entries(media).map(([modality, one]) =>
    one.kind === "fault"
      ? `<p class="difference">${escape(modality)}: ${escape(one.problem)}</p>`
      : shown(`${escape(modality)} of ${escape(label)}`, one)
  )
  return `<div class="sample"><p><strong>${escape(id)}</strong> <span class="soft">${escape([split, ...(group === id ? [] : [group])].join(" · "))}</span></p>
<div class="media">${parts.join("")}</div></div>`
}

/** The page; facts are rows of two cells. */
export const page = (
  title: string,
  facts: ReadonlyArray<readonly [string, string]>,
  samples: ReadonlyArray<Sample>
): string => {
  const classes = [...new Set(samples.map((sample) => sample.class))]
  const sections = classes.map((label) =>
    section(
      label,
      `<div class="samples">${samples.flatMap((sample) => (sample.class === label ? [card(sample)] : [])).join("")}</div>`
    )
  )
  return document(title, [`<h1>${escape(title)}</h1>`, section("Data", table([["", ""], ...facts])), ...sections])
}
