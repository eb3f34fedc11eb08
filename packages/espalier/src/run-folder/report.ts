/** A run as a page to look at: curves of loss, rate, gradient norm and speed, what was asked for, what was trained on. Nothing is loaded from elsewhere. */
import type { LogLine, RunFacts } from './run-files.js'

const WIDTH = 560
const HEIGHT = 180
const MARGIN = { left: 54, right: 12, top: 14, bottom: 24 }

interface Series {
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number])[]
}

/** The page. */
export function renderReport(facts: RunFacts, log: readonly LogLine[]): string {
  const of = (key: string): Series['points'] =>
    log.flatMap((line) => (Number.isFinite(line[key]) ? [[line.step ?? 0, line[key] as number] as const] : []))
  const losses = of('loss')
  const steps = log.filter((line) => line.loss !== undefined)
  const seconds = steps.reduce((sum, line) => sum + (line.seconds ?? 0), 0)
  const useful = steps.reduce((sum, line) => sum + (line.useful_tokens ?? 0), 0)
  const figures = [
    figure('Loss', [
      { name: 'training', points: losses },
      ...(of('eval_loss').length > 0 ? [{ name: 'evaluation', points: of('eval_loss') }] : []),
    ]),
    ...measuredNames(log).map((name) => figure(name, [{ name, points: of(`eval_${name}`) }])),
    figure('Learning rate', [{ name: 'rate', points: of('learning_rate') }]),
    figure('Gradient norm', [{ name: 'norm before clipping', points: of('grad_norm') }]),
    figure('Tokens per second', [{ name: 'tokens/s', points: of('tokens_per_second') }]),
  ]
  const first = losses[0]?.[1]
  const last = losses.at(-1)?.[1]
  const tiles = [
    ['steps', String(steps.length)],
    ['loss', first === undefined || last === undefined ? '–' : `${first.toFixed(3)} → ${last.toFixed(3)}`],
    ['time', `${(seconds / 60).toFixed(1)} min`],
    ['trained tokens', useful.toLocaleString('en-US')],
    ['peak memory', `${(Math.max(0, ...steps.map((line) => line.peak_memory_bytes ?? 0)) / 1e6).toFixed(0)} MB`],
  ]
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Run of ${escapeHtml(facts.base.nameOrPath ?? 'a model')}</title>
<style>${STYLE}</style>
<main>
<h1>${escapeHtml(facts.base.nameOrPath ?? 'A model')}</h1>
<p class="sub">${escapeHtml(facts.trainableParameters)}</p>
<section class="tiles">${tiles.map(([name, value]) => `<div><b>${escapeHtml(value as string)}</b><span>${escapeHtml(name as string)}</span></div>`).join('')}</section>
<section class="figures">${figures.join('\n')}</section>
<h2>Data</h2><pre>${supervision(facts.supervision)}</pre>
<h2>Settings</h2><table>${Object.entries(facts.config)
    .map(
      ([key, value]) =>
        `<tr><th>${escapeHtml(key)}</th><td>${escapeHtml(typeof value === 'string' ? value : JSON.stringify(value))}</td></tr>`,
    )
    .join('')}</table>
<h2>Versions</h2><table>${Object.entries(facts.versions)
    .map(([key, value]) => `<tr><th>${escapeHtml(key)}</th><td>${escapeHtml(value)}</td></tr>`)
    .join('')}</table>
</main></html>
`
}

/** What evaluations measured besides the loss. */
function measuredNames(log: readonly LogLine[]): string[] {
  const keys = new Set(log.flatMap((line) => Object.keys(line)))
  return [...keys].flatMap((key) => (key.startsWith('eval_') && !PLAIN.has(key) ? [key.slice('eval_'.length)] : []))
}

const PLAIN: ReadonlySet<string> = new Set(['eval_loss', 'eval_perplexity', 'eval_runtime'])

const STYLE = `:root{color-scheme:light dark;--ink:#1c2321;--soft:#66706c;--line:#d9dfdc;--paper:#fbfcfb;--card:#fff;--a:#2f6f4f;--b:#b5542b}
@media(prefers-color-scheme:dark){:root{--ink:#e6ebe8;--soft:#9aa5a0;--line:#333b38;--paper:#151a18;--card:#1c2220;--a:#74c69d;--b:#f0a07a}}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}main{max-width:1180px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:24px;margin:0}h2{font-size:17px;margin:32px 0 8px}.sub{color:var(--soft);margin:4px 0 20px}
.tiles{display:flex;flex-wrap:wrap;gap:12px;margin-bottom:20px}.tiles div{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 16px}.tiles b{display:block;font-size:19px}.tiles span{color:var(--soft);font-size:13px}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(420px,1fr));gap:16px}figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px}figcaption{font-weight:600;margin-bottom:4px}svg{width:100%;height:auto}
svg text{fill:var(--soft);font:11px system-ui,sans-serif}.grid{stroke:var(--line)}.s0{stroke:var(--a)}.s1{stroke:var(--b)}path{fill:none;stroke-width:1.6}.d0{fill:var(--a)}.d1{fill:var(--b)}
table{border-collapse:collapse;font-size:14px}th{text-align:left;font-weight:500;color:var(--soft);padding:2px 18px 2px 0;vertical-align:top}mark{background:color-mix(in srgb,var(--a) 25%,transparent);color:inherit;border-radius:3px;padding:0 2px}pre{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px;white-space:pre-wrap}`

/** The report on the data, the trained part of its example marked. */
function supervision(lines: readonly string[]): string {
  const start = lines.findIndex((line) => line.startsWith('example'))
  const text = (some: readonly string[]) => escapeHtml(some.join('\n'))
  if (start < 0) return text(lines)
  const example = text(lines.slice(start + 1)).replace(/\[\[([\s\S]*?)\]\]/g, '<mark>$1</mark>')
  return `${text(lines.slice(0, start))}\n\nan example, what is trained marked:\n${example}`
}

function figure(title: string, series: readonly Series[]): string {
  const all = series.flatMap(({ points }) => points).filter(([, y]) => Number.isFinite(y))
  if (all.length === 0)
    return `<figure><figcaption>${escapeHtml(title)}</figcaption><p class="sub">nothing recorded</p></figure>`
  const [x0, x1] = range(all.map(([x]) => x))
  const [y0, y1] = range(all.map(([, y]) => y))
  const px = (x: number) => MARGIN.left + ((x - x0) / (x1 - x0)) * (WIDTH - MARGIN.left - MARGIN.right)
  const py = (y: number) => HEIGHT - MARGIN.bottom - ((y - y0) / (y1 - y0)) * (HEIGHT - MARGIN.top - MARGIN.bottom)
  const ticks = [0, 1, 2, 3].map((i) => y0 + ((y1 - y0) * i) / 3)
  const lines = series.map(({ points }, i) => {
    const drawn = points
      .filter(([, y]) => Number.isFinite(y))
      .map(([x, y]) => `${px(x).toFixed(1)},${py(y).toFixed(1)}`)
    const dots =
      drawn.length === 1 || i > 0
        ? drawn
            .map((at) => `<circle class="d${i}" r="2.5" cx="${at.split(',')[0]}" cy="${at.split(',')[1]}"/>`)
            .join('')
        : ''
    return `<path class="s${i}" d="M${drawn.join('L')}"/>${dots}`
  })
  const legend =
    series.length > 1
      ? series.map(({ name }, i) => `<tspan class="d${i}">${i === 0 ? '' : '  '}■ ${escapeHtml(name)}</tspan>`).join('')
      : ''
  return `<figure><figcaption>${escapeHtml(title)}</figcaption><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(title)}">
${ticks.map((y) => `<line class="grid" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${py(y)}" y2="${py(y)}"/><text x="${MARGIN.left - 6}" y="${py(y) + 4}" text-anchor="end">${tick(y)}</text>`).join('')}
<text x="${MARGIN.left}" y="${HEIGHT - 6}">step ${x0}</text><text x="${WIDTH - MARGIN.right}" y="${HEIGHT - 6}" text-anchor="end">step ${x1}</text><text x="${WIDTH - MARGIN.right}" y="${MARGIN.top}" text-anchor="end">${legend}</text>
${lines.join('')}</svg></figure>`
}

function range(values: readonly number[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const value of values) {
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  return low === high ? [low - 0.5, high + 0.5] : [low, high]
}

function tick(value: number): string {
  if (value !== 0 && Math.abs(value) < 0.01) return value.toExponential(1)
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(Math.abs(value) >= 10 ? 1 : 2)
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`)
}
