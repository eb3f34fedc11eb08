/**
 * The benchmark of packed frozen weights: a step with all linear layers adapted, on floats and on weights in NF4 with packed scales,
 * also with activations recomputed, and in int8, beside PEFT's QLoRA with bitsandbytes on the same model.
 */
import type { Finding } from './finding.js'
import { interleave } from './interleave.js'
import { median } from './peer.js'
import { denseRows, sizesOf } from './rows.js'
import { espalier, pytorch, type Setup } from './setup.js'

const MEGABYTE = 1e6

/** SmolLM2-135M at 1 x 512, then at 4 x 256, in micro-batches as a run plans them. */
export async function qlora(setup: Setup): Promise<Finding[]> {
  return [...(await measured(setup, 1, 512)), ...(await measured(setup, 4, 256))]
}

async function measured(setup: Setup, batch: number, length: number): Promise<Finding[]> {
  const rows = denseRows(batch, length)
  const plan = { sizes: sizesOf(rows), stepRows: batch, tokensPerMicroBatch: batch * length }
  const setting = { threads: setup.threads, targets: 'all-linear', ...plan }
  const sides = {
    floats: await espalier(setup, setting),
    nf4: await espalier(setup, { ...setting, packing: 'nf4' }),
    recomputed: await espalier(setup, { ...setting, packing: 'nf4', checkpointing: {} }),
    int8: await espalier(setup, { ...setting, packing: 'int8' }),
    peft: await pytorch(setup, 'sdpa', { ...setting, packing: 'nf4' }),
  }
  const all = Object.values(sides)
  const seconds = (await interleave(setup, all, () => rows)).map(median)
  const memory = all.map((side) => side.peakBytes / MEGABYTE)
  await Promise.all(all.map((side) => side.end()))
  const place = (side: keyof typeof sides) => Object.keys(sides).indexOf(side)
  const step = (side: keyof typeof sides) => seconds[place(side)] as number
  const peak = (side: keyof typeof sides) => memory[place(side)] as number
  const found: Finding[] = [
    { name: 'step on floats', value: step('floats'), unit: 's' },
    { name: 'step on NF4', value: step('nf4'), unit: 's' },
    { name: 'step on NF4, recomputed', value: step('recomputed'), unit: 's' },
    { name: 'step on int8', value: step('int8'), unit: 's' },
    { name: 'step of PEFT on NF4', value: step('peft'), unit: 's' },
    { name: 'speed on NF4 against floats', value: step('floats') / step('nf4'), unit: 'x', target: { atLeast: 0.75 } },
    {
      name: 'speed on int8 against floats',
      value: step('floats') / step('int8'),
      unit: 'x',
      target: { atLeast: 0.75 },
    },
    { name: 'speed on NF4 against PEFT', value: step('peft') / step('nf4'), unit: 'x', target: { atLeast: 2 } },
    { name: 'peak memory on floats', value: peak('floats'), unit: 'MB' },
    { name: 'peak memory on NF4', value: peak('nf4'), unit: 'MB' },
    { name: 'peak memory on NF4, recomputed', value: peak('recomputed'), unit: 'MB' },
    { name: 'peak memory on int8', value: peak('int8'), unit: 'MB' },
    { name: 'peak memory of PEFT on NF4', value: peak('peft'), unit: 'MB' },
    { name: 'memory on NF4 against floats', value: peak('nf4') / peak('floats'), unit: 'x' },
    { name: 'the same, recomputed', value: peak('recomputed') / peak('floats'), unit: 'x', target: { atMost: 0.45 } },
    { name: 'memory on NF4 against PEFT', value: peak('nf4') / peak('peft'), unit: 'x' },
  ]
  return found.map((finding) => ({ ...finding, name: `${batch} x ${length}: ${finding.name}` }))
}
