/**
 * The benchmark of activation checkpointing: memory and time of a step with and without it, beside PyTorch's own on the same model: with the
 * loss of transformers, and with that of TRL, which makes logits of a few tokens at a time. The memory of activations is the most of its own
 * that a side has in a step, less what it holds before: weights, libraries and our graph; of PyTorch also what a step on a short row leaves.
 */
import type { Finding } from './finding.js'
import { interleave } from './interleave.js'
import { median, type Peer } from './peer.js'
import { denseRows, type Row, sizesOf } from './rows.js'
import { espalier, pytorch, type Setup } from './setup.js'

const SHORT = 16 // tokens of the row with which PyTorch loads everything
const MEGABYTE = 1e6
const MOST_OVERHEAD = 35 // %, whatever a policy costs on paper
const MEMORY_STEPS = 2 // the first one compiles, and later ones take more, if only a little

const POLICIES = {
  products: { keepsProducts: true },
  residuals: { keepsResiduals: true },
  layers: {},
} as const
const PEERS = { transformers: {}, trl: { chunked: true } } as const

/** SmolLM2-135M at 1 x 1024, then at 4 x 512 in one micro-batch. */
export async function checkpointing(setup: Setup): Promise<Finding[]> {
  return [...(await measured(setup, 1, 1024)), ...(await measured(setup, 4, 512))]
}

/** What our side counts of a step before it runs. */
interface Counted {
  /** Bytes that activations are expected to take. */
  readonly planned: number
  readonly multiplyAdds: number
}

interface Measured {
  readonly name: string
  /** Bytes of activations. */
  readonly bytes: number
  readonly seconds: number
}

async function measured(setup: Setup, batch: number, length: number): Promise<Finding[]> {
  const rows = denseRows(batch, length)
  const { threads } = setup
  const whole = { rows: batch, length, countedSize: batch * length }
  const setting = { threads, sizes: sizesOf(rows), stepRows: batch, whole }
  const own = await Promise.all(
    [undefined, ...Object.values(POLICIES)].map((checkpointing) => espalier(setup, { ...setting, checkpointing })),
  )
  const peers = await Promise.all(
    Object.values(PEERS).map((loss) => pytorch(setup, 'sdpa', { threads, checkpointing: true, ...loss })),
  )
  const sides = [...own, ...peers]
  const counted: Counted[] = []
  const bytes: number[] = []
  for (const side of sides) {
    await side.ask({ do: 'load', rows: denseRows(1, SHORT) })
    if (own.includes(side)) counted.push(await side.ask({ do: 'planned', rows })) // builds and follows the graph, as a preflight does
    bytes.push(await activations(side, rows))
  }
  const seconds = (await interleave(setup, sides, () => rows)).map(median)
  await Promise.all(sides.map((side) => side.end()))
  const names = ['none', ...Object.keys(POLICIES), ...Object.keys(PEERS)]
  const found = names.map((name, i): Measured => ({ name, bytes: bytes[i] as number, seconds: seconds[i] as number }))
  const title = `${batch} x ${length}`
  return findings(found, counted).map((finding) => ({ ...finding, name: `${title}: ${finding.name}` }))
}

/** Bytes that steps take beside what a side holds. */
async function activations(side: Peer, rows: readonly Row[]): Promise<number> {
  const held = side.ownBytes
  let most = 0
  for (let step = 0; step < MEMORY_STEPS; step++) most = Math.max(most, await side.peakWhile({ do: 'step', rows }))
  return most - held
}

function findings(found: readonly Measured[], counted: readonly Counted[]): Finding[] {
  const [plain, ...others] = found as [Measured, ...Measured[]]
  const kinds = others.slice(0, Object.keys(POLICIES).length)
  const peers = others.slice(kinds.length)
  const [plainCounted, ...kindsCounted] = counted as [Counted, ...Counted[]]
  return [
    { name: 'without, activations', value: plain.bytes / MEGABYTE, unit: 'MB' },
    { name: 'without, step', value: plain.seconds, unit: 's' },
    within('without, planned of measured', plainCounted.planned / plain.bytes),
    ...peers.flatMap(({ name, bytes, seconds }): Finding[] => [
      { name: `pytorch, loss of ${name}, activations`, value: bytes / MEGABYTE, unit: 'MB' },
      { name: `pytorch, loss of ${name}, step`, value: seconds, unit: 's' },
    ]),
    ...kinds.flatMap(({ name, bytes, seconds }, i): Finding[] => {
      const { planned, multiplyAdds } = kindsCounted[i] as Counted
      const paper = 100 * (multiplyAdds / plainCounted.multiplyAdds - 1)
      return [
        { name: `${name}, activations`, value: bytes / MEGABYTE, unit: 'MB' },
        { name: `${name}, of those without`, value: bytes / plain.bytes, unit: 'x' },
        ...peers.map((peer): Finding => {
          const value = {
            name: `${name}, of pytorch with the loss of ${peer.name}`,
            value: bytes / peer.bytes,
            unit: 'x',
          }
          return name === 'layers' ? { ...value, target: { atMost: 0.6 } } : value // the others keep more than PyTorch does
        }),
        within(`${name}, planned of measured`, planned / bytes),
        { name: `${name}, more multiply-adds`, value: paper, unit: '%' },
        {
          name: `${name}, longer`,
          value: 100 * (seconds / plain.seconds - 1),
          unit: '%',
          // Passes over memory, which are all of the products' cost, are not on paper.
          target: { atMost: name === 'products' ? MOST_OVERHEAD : Math.min(MOST_OVERHEAD, 1.1 * paper) },
        },
      ]
    }),
  ]
}

function within(name: string, value: number): Finding {
  return { name, value, unit: 'x', target: { atLeast: 0.9, atMost: 1.1 } }
}
