/**
 * The benchmark of packed frozen weights: a step with all linear layers adapted, on floats and on weights in NF4 with packed scales and in
 * int8, beside PEFT's QLoRA with bitsandbytes on the same model.
 */
import type { Finding } from './finding.js'
import { interleave } from './interleave.js'
import { median } from './peer.js'
import { denseRows, sizesOf } from './rows.js'
import { espalier, pytorch, type Setup } from './setup.js'

const MEGABYTE = 1e6

/** SmolLM2-135M at 1 x 512, then at 4 x 256 in one micro-batch. */
export async function qlora(setup: Setup): Promise<Finding[]> {
  return [...(await measured(setup, 1, 512)), ...(await measured(setup, 4, 256))]
}

async function measured(setup: Setup, batch: number, length: number): Promise<Finding[]> {
  const rows = denseRows(batch, length)
  const plan = { sizes: sizesOf(rows), stepRows: batch, tokensPerMicroBatch: batch * length }
  const setting = { threads: setup.threads, targets: 'all-linear', ...plan }
  const sides = [
    await espalier(setup, setting),
    await espalier(setup, { ...setting, packing: 'nf4' }),
    await espalier(setup, { ...setting, packing: 'int8' }),
    await pytorch(setup, 'sdpa', { ...setting, packing: 'nf4' }),
  ] as const
  const [floats, nf4, int8, peft] = (await interleave(setup, sides, () => rows)).map(median) as [number, number, number, number] // biome-ignore format: one line
  const [floatBytes, nf4Bytes, int8Bytes, peftBytes] = sides.map((side) => side.peakBytes / MEGABYTE) as [number, number, number, number] // biome-ignore format: one line
  await Promise.all(sides.map((side) => side.end()))
  const found: Finding[] = [
    { name: 'step on floats', value: floats, unit: 's' },
    { name: 'step on NF4', value: nf4, unit: 's' },
    { name: 'step on int8', value: int8, unit: 's' },
    { name: 'step of PEFT on NF4', value: peft, unit: 's' },
    { name: 'speed on NF4 against floats', value: floats / nf4, unit: 'x', target: { atLeast: 0.75 } },
    { name: 'speed on int8 against floats', value: floats / int8, unit: 'x', target: { atLeast: 0.75 } },
    { name: 'speed on NF4 against PEFT', value: peft / nf4, unit: 'x', target: { atLeast: 2 } },
    { name: 'peak memory on floats', value: floatBytes, unit: 'MB' },
    { name: 'peak memory on NF4', value: nf4Bytes, unit: 'MB' },
    { name: 'peak memory on int8', value: int8Bytes, unit: 'MB' },
    { name: 'peak memory of PEFT on NF4', value: peftBytes, unit: 'MB' },
    { name: 'memory on NF4 against floats', value: nf4Bytes / floatBytes, unit: 'x', target: { atMost: 0.45 } },
  ]
  return found.map((finding) => ({ ...finding, name: `${batch} x ${length}: ${finding.name}` }))
}
