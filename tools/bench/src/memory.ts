/**
 * The benchmark of memory told ahead: what a backend plans for the activations of a step, beside the most memory of its own that a process
 * has in steps, less what it held before. Each setting runs in a process of its own.
 */
import { linkedProject } from '@espalier-tools/tfjs-node'
import type { Finding } from './finding.js'
import type { Peer } from './peer.js'
import { denseRows, type Row, sizesOf } from './rows.js'
import { espalier, type Setup } from './setup.js'

const MEGABYTE = 1e6
const STEPS = 2 // the first one compiles, and later ones take more, if only a little
const QUIET = { TF_CPP_MIN_LOG_LEVEL: '3' } // TensorFlow's advice

/** What is kept for the backward pass; what is not is made again. */
const POLICIES = {
  everything: undefined,
  products: { keepsProducts: true },
  residuals: { keepsResiduals: true },
  layers: {},
} as const

const SHAPES: readonly (readonly [number, number])[] = [
  [1, 1024],
  [4, 512],
]

/** SmolLM2-135M at 1 x 1024 and at 4 x 512 in one micro-batch, with each policy, on onnx and on tfjs-node. */
export async function plannedMemory(setup: Setup): Promise<Finding[]> {
  const backends = { onnx: {}, tfjs: { tfjs: linkedProject('tfjs-node') } }
  const found: Finding[] = []
  for (const [backend, options] of Object.entries(backends))
    for (const [batch, length] of SHAPES)
      for (const [name, checkpointing] of Object.entries(POLICIES)) {
        const rows = denseRows(batch, length)
        const whole = { rows: batch, length, countedSize: batch * length }
        const setting = { threads: setup.threads, sizes: sizesOf(rows), stepRows: batch, whole, checkpointing }
        const title = `${backend}, ${batch} x ${length}, ${name}`
        found.push(...(await plannedAndMeasured(setup, title, { ...setting, ...options }, rows)))
      }
  return found
}

async function plannedAndMeasured(
  setup: Setup,
  title: string,
  setting: object,
  rows: readonly Row[],
): Promise<Finding[]> {
  const side = await espalier(setup, setting, QUIET)
  await side.ask({ do: 'load' })
  const { planned } = await side.ask<{ planned: number }>({ do: 'planned', rows })
  await side.ask({ do: 'settle' }) // garbage of building is not held
  const measured = await activations(side, rows, STEPS)
  await side.end()
  setup.progress(`${title}: planned ${megabytes(planned)}, measured ${megabytes(measured)}`)
  return [
    { name: `${title}: planned`, value: planned / MEGABYTE, unit: 'MB' },
    { name: `${title}: measured`, value: measured / MEGABYTE, unit: 'MB' },
    { name: `${title}: ratio`, value: planned / measured, unit: 'x', target: { atLeast: 0.9, atMost: 1.1 } },
  ]
}

/** Bytes that steps take beside what a side holds. */
async function activations(side: Peer, rows: readonly Row[], steps: number): Promise<number> {
  const held = side.ownBytes
  let most = 0
  for (let step = 0; step < steps; step++) most = Math.max(most, await side.peakWhile({ do: 'step', rows }))
  return most - held
}

function megabytes(bytes: number): string {
  return `${(bytes / MEGABYTE).toFixed(0)} MB`
}
