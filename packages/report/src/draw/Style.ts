/** The look of a page. */
export const style = `
:root { color-scheme: light; --ink: #1d2433; --soft: #475063; --line: #e3e7ed; --accent: #2f6fde }
body { font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: var(--ink); background: #f5f6f8; margin: 0 }
main { max-width: 960px; margin: 0 auto; padding: 40px 24px 64px }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 6px } h2 { font-size: 18px; margin: 0 0 12px }
p { margin: 0 0 12px } .soft { color: var(--soft) } code { font: 12.5px ui-monospace, Menlo, Consolas, monospace }
section { background: white; border: 1px solid var(--line); border-radius: 10px; padding: 22px 26px; margin-top: 18px }
.stamp { border-left: 4px solid #e0a62b; background: #fffaf0 } .stamp ul, ul.plain { margin: 0; padding-left: 20px }
.headline { font-size: 17px; margin: 14px 0 0 }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: 7px 14px 7px 0; border-bottom: 1px solid var(--line); vertical-align: top }
th { font-weight: 600; color: var(--soft); font-size: 13px } th.chosen { color: var(--ink) } tr.chosen td { font-weight: 600 } td.number { font-variant-numeric: tabular-nums; white-space: nowrap }
svg, img { max-width: 100% } svg { height: auto } .difference { font-weight: 600 }
.samples { display: grid; grid-template-columns: repeat(auto-fill, minmax(270px, 1fr)); gap: 18px }
.sample { border: 1px solid var(--line); border-radius: 8px; padding: 14px } .sample .media { display: flex; flex-wrap: wrap; gap: 10px; align-items: flex-end }
.sample .media img { border-radius: 4px; height: 112px; width: 112px; object-fit: contain } .sample .media img.tiny { image-rendering: pixelated } .sample audio { width: 100%; height: 30px; margin-bottom: 10px } .sample blockquote { margin: 0 0 10px; flex-basis: 100%; overflow-wrap: anywhere }
.said { display: grid; grid-template-columns: 62px 1fr 96px; gap: 3px 8px; align-items: center; font-size: 13px }
.bar { background: #eef0f3; border-radius: 3px; height: 9px } .bar i { display: block; height: 9px; border-radius: 3px; background: #b03a5b } .bar i.right { background: #3b9b6d }
.whole { border: 0; padding: 0 } .whole h2 { display: inline-block; margin: 0 } .whole[open] h2 { margin-bottom: 12px }
details { border-top: 1px solid var(--line); padding: 8px 0 } summary { cursor: pointer } pre { overflow: auto; font-size: 12px; background: #f8f9fb; padding: 12px; border-radius: 6px }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 0 } dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
`
