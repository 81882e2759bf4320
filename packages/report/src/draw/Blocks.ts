/** The blocks of a section as HTML. All text is escaped, and nothing is fetched. */
import type { Block, Card, Chart, Line, Table, Text } from "../Block.ts"
import type { Media } from "../Media.ts"
import { visible } from "./Visible.ts"

/** Text as HTML; characters that cannot be seen are shown as their numbers. */
export const escape = (text: string): string =>
  visible(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;")

/** A table; short cells do not break. */
const table = ({ header, rows, markedRow, markedColumn, notes }: Table): string => {
  const row = (cells: ReadonlyArray<string>, i: number) =>
    `<tr${i === markedRow ? ' class="chosen"' : ""}>${cells.map((cell, i) => `<td${i > 0 && cell.length < 24 ? ' class="number"' : ""}>${escape(cell)}</td>`).join("")}</tr>`
  const head = header.map((cell, i) => `<th${i === markedColumn ? ' class="chosen"' : ""}>${escape(cell)}</th>`)
  const below = notes.map((note) => `<p class="soft">${escape(note)}</p>`).join("")
  return `<table><thead><tr>${head.join("")}</tr></thead><tbody>${rows.map(row).join("")}</tbody></table>${below}`
}

const line = (line: Line): string => {
  if (typeof line === "string") return escape(line)
  const { name, text, code, strong } = line
  const whole = [
    ...(name === undefined ? [] : [`<strong>${escape(name)}</strong>: `]),
    escape(text),
    ...(code === undefined ? [] : [` <code>${escape(code)}</code>`])
  ].join("")
  return strong === true ? `<span class="difference">${whole}</span>` : whole
}

const TONES = { plain: "", headline: ' class="headline"', "small print": ' class="soft"' }

const text = ({ lines, list, tone }: Text): string =>
  list
    ? `<ul class="plain">${lines.map((one) => `<li>${line(one)}</li>`).join("")}</ul>`
    : `<p${TONES[tone]}>${lines.map(line).join(" ")}</p>`

const image = (alt: string, type: string, bytes: string, tiny = false): string =>
  `<img${tiny ? ' class="tiny"' : ""} alt="${escape(alt)}" src="data:${type};base64,${bytes}">`

const shown = (alt: string, media: Media): string => {
  if (media.kind === "text") return `<blockquote>${escape(media.text)}</blockquote>`
  if (media.kind === "fault") return `<p class="difference">${escape(alt)}: ${escape(media.problem)}</p>`
  if (media.kind === "image") return image(alt, media.type, media.bytes, media.tiny)
  const { type, bytes, spectrogram } = media
  const map = spectrogram === undefined ? "" : image(`spectrogram, ${alt}`, "image/png", spectrogram)
  return `${map}<audio controls preload="none" src="data:${type};base64,${bytes}"></audio>`
}

const card = ({ title, subtitle, media, bars }: Card): string => {
  const rows = bars.map(({ name, share, text, right }) => {
    const width = (100 * Math.min(1, Math.max(0, share))).toFixed(0)
    return `<span>${escape(name)}</span><span class="bar"><i${right ? ' class="right"' : ""} style="width:${width}%"></i></span><span>${escape(text)}</span>`
  })
  return `<div class="sample"><p><strong>${escape(title)}</strong> <span class="soft">${escape(subtitle)}</span></p>
<div class="media">${media.map(({ alt, media }) => shown(alt, media)).join("")}</div>
<div class="said">${rows.join("")}</div></div>`
}

/** A block as HTML, where `svgOf` has the drawings of the charts. */
export const html = (block: Block, svgOf: (chart: Chart) => string): string => {
  switch (block.kind) {
    case "table":
      return table(block)
    case "chart":
      return svgOf(block)
    case "text":
      return text(block)
    case "picture":
      return image(block.alt, block.picture.type, block.picture.bytes, block.picture.tiny)
    case "samples":
      return `<div class="samples">${block.cards.map(card).join("")}</div>`
    case "facts":
      return `<dl>${block.facts.map(({ name, value }) => `<dt>${escape(name)}</dt><dd><code>${escape(value)}</code></dd>`).join("")}</dl>`
    case "code":
      return block.folded
        ? `<details><summary>${escape(block.title)}</summary><pre>${escape(block.text)}</pre></details>`
        : `<pre>${escape(block.text)}</pre>`
  }
}
