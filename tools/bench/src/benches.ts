/** The benchmarks. Each runs its sides in turn within one run and reports medians and ratios. */
import { changeOfBackend } from './change-of-backend.js'
import { checkpoint } from './checkpoint.js'
import { checkpointing } from './checkpointing.js'
import { compilations } from './compilations.js'
import type { Finding } from './finding.js'
import { glue } from './glue.js'
import { interleave, roundLine } from './interleave.js'
import { median, type Peer } from './peer.js'
import { qlora } from './qlora.js'
import { denseRows, gsm8kRows, type Row, sizesOf, usefulTokens } from './rows.js'
import { espalier, pytorch, type Setup } from './setup.js'
import { startUp } from './start-up.js'
import { onTfjs } from './tfjs.js'

type Bench = (setup: Setup) => Promise<Finding[]>

const SMOLLM2 = { parameters: 134.5e6, layers: 30, hidden: 576 } // for operation counts
const MEGABYTE = 1e6

/** All benchmarks by name. */
export const benches: Readonly<Record<string, Bench>> = {
  'dense-1x512': (setup) => dense(setup, 1, 512),
  'dense-4x256': (setup) => dense(setup, 4, 256),
  gsm8k,
  decode,
  dropout,
  'start-up': startUp,
  compilations,
  checkpoint,
  'change-of-backend': changeOfBackend,
  checkpointing,
  glue,
  qlora,
  tfjs: onTfjs,
}

async function dense(setup: Setup, batch: number, length: number): Promise<Finding[]> {
  const rows = denseRows(batch, length)
  const setting = { threads: setup.threads, sizes: sizesOf(rows), stepRows: batch, tokensPerMicroBatch: batch * length }
  const sides = [
    await espalier(setup, setting),
    await pytorch(setup, 'eager', setting),
    await pytorch(setup, 'sdpa', setting),
  ] as const
  const times = await interleave(setup, sides, () => rows)
  const [ours] = sides
  for (const side of sides) await side.ask({ do: 'evaluate', rows })
  const { gflops } = await sides[1].ask<{ gflops: number }>({ do: 'limits' })
  const memory = sides.map((side) => side.peakBytes)
  await Promise.all(sides.map((side) => side.end()))
  const tokens = batch * length
  const [own, eager, sdpa] = times.map(median) as [number, number, number]
  // Forward and backward over the weights without their gradients, and attention's products over the causal half.
  const operations = 4 * SMOLLM2.parameters * tokens + 6 * batch * length * length * SMOLLM2.hidden * SMOLLM2.layers
  return [
    { name: `${ours.name} tokens/s`, value: tokens / own, unit: 'tokens/s' },
    { name: 'pytorch eager tokens/s', value: tokens / eager, unit: 'tokens/s' },
    { name: 'pytorch sdpa tokens/s', value: tokens / sdpa, unit: 'tokens/s' },
    { name: 'speed against eager', value: eager / own, unit: 'x', target: { atLeast: 1.3 } },
    { name: 'speed against sdpa', value: sdpa / own, unit: 'x', target: { atLeast: 1.15 } },
    { name: 'share of sgemm speed', value: operations / own / 1e9 / gflops, unit: '' },
    ...memoryFindings(memory as [number, number, number], 0.6),
  ]
}

const GSM8K_STEPS = 8

// Steps differ by a factor of two in what padding costs, so speed is that of several: all their tokens in the time of all, each step's
// time being the median of its rounds.
async function gsm8k(setup: Setup): Promise<Finding[]> {
  const batch = 8
  const rows = await gsm8kRows(setup) // shapes are planned for one pass over all of them, as a run does
  const setting = { threads: setup.threads, sizes: sizesOf(rows), stepRows: batch, masked: true }
  const sides = [await espalier(setup, setting), await pytorch(setup, 'eager', setting)] as const
  const steps = Array.from({ length: GSM8K_STEPS }, (_, step) => rows.slice(step * batch, (step + 1) * batch))
  const taken = async (side: Peer, step: readonly Row[]) =>
    (await side.ask<{ seconds: number }>({ do: 'step', rows: step })).seconds
  // A run compiles each shape once, whatever its length: a first pass over all rows does so, and what it costs is reported.
  let first = 0
  for (const step of steps) first += await taken(sides[0], step)
  await taken(sides[1], steps[0] as Row[])
  const seconds = sides.map(() => steps.map(() => [] as number[]))
  for (let round = 1; round <= setup.rounds; round++) {
    for (const [s, step] of steps.entries()) {
      const line: string[] = []
      for (const [i, side] of sides.entries()) {
        const time = await taken(side, step)
        seconds[i]?.[s]?.push(time)
        line.push(`${side.name} ${time.toFixed(2)} s`)
      }
      setup.progress(roundLine(round, setup.rounds, [`step ${s + 1} of ${steps.length}`, ...line]))
    }
  }
  const { shapes } = await sides[0].ask<{ shapes: number }>({ do: 'compilations' })
  const memory = sides.map((side) => side.peakBytes) as [number, number]
  await Promise.all(sides.map((side) => side.end()))
  const medians = seconds.map((side) => side.map(median)) as [number[], number[]]
  const useful = sum(steps.map(usefulTokens))
  const [own, theirs] = medians.map(sum) as [number, number]
  return [
    { name: 'espalier useful tokens/s', value: useful / own, unit: 'tokens/s' },
    { name: 'pytorch useful tokens/s', value: useful / theirs, unit: 'tokens/s' },
    { name: 'useful speed against the Trainer’s padding', value: theirs / own, unit: 'x', target: { atLeast: 2 } },
    {
      name: 'the same, median of the steps',
      value: median(medians[0].map((x, i) => (medians[1][i] ?? 0) / x)),
      unit: 'x',
    },
    { name: 'espalier peak memory', value: memory[0] / MEGABYTE, unit: 'MB' },
    { name: 'pytorch peak memory', value: memory[1] / MEGABYTE, unit: 'MB' },
    { name: 'memory against pytorch', value: memory[0] / memory[1], unit: 'x', target: { atMost: 0.35 } },
    { name: 'shapes compiled', value: shapes, unit: '' },
    { name: 'compiling them', value: first - own, unit: 's' },
  ]
}

async function decode(setup: Setup): Promise<Finding[]> {
  const [row] = denseRows(1, 32) as [Row]
  const setting = { threads: setup.threads, sizes: sizesOf([row]), stepRows: 1 }
  const sides = [await espalier(setup, setting), await pytorch(setup, 'sdpa', setting)] as const
  const count = 64
  const seconds: number[][] = [[], []]
  for (let round = 0; round <= setup.rounds; round++) {
    const taken: string[] = []
    for (const [i, side] of sides.entries()) {
      const answer = await side.ask<{ seconds: number }>({ do: 'generate', ids: row.input_ids, count })
      taken.push(`${side.name} ${answer.seconds.toFixed(2)} s`)
      if (round > 0) (seconds[i] as number[]).push(answer.seconds)
    }
    setup.progress(roundLine(round, setup.rounds, taken))
  }
  const { gigabytes } = await sides[1].ask<{ gigabytes: number }>({ do: 'limits' })
  await Promise.all(sides.map((side) => side.end()))
  const [own, theirs] = seconds.map((values) => count / median(values)) as [number, number]
  return [
    { name: 'espalier decoding', value: own, unit: 'tokens/s' },
    { name: 'transformers decoding', value: theirs, unit: 'tokens/s' },
    { name: 'decoding against transformers', value: own / theirs, unit: 'x', target: { atLeast: 3 } },
    // Packed weights: two bytes each, all read for every token.
    { name: 'share of memory bandwidth', value: (own * SMOLLM2.parameters * 2) / 1e9 / gigabytes, unit: '' },
  ]
}

async function dropout(setup: Setup): Promise<Finding[]> {
  const rows = denseRows(1, 512)
  const setting = { threads: setup.threads, sizes: sizesOf(rows), stepRows: 1 }
  const sides = [await espalier(setup, setting), await espalier(setup, { ...setting, dropout: 0.05 })] as const
  const [without, withDropout] = (await interleave(setup, sides, () => rows)).map(median) as [number, number]
  await Promise.all(sides.map((side) => side.end()))
  return [{ name: 'cost of dropout 0.05', value: 100 * (withDropout / without - 1), unit: '%', target: { atMost: 8 } }]
}

function sum(values: readonly number[] | undefined): number {
  return (values ?? []).reduce((total, value) => total + value, 0)
}

function memoryFindings([own, eager, sdpa]: readonly [number, number, number], atMost: number): Finding[] {
  return [
    { name: 'espalier peak memory', value: own / MEGABYTE, unit: 'MB' },
    { name: 'pytorch eager peak memory', value: eager / MEGABYTE, unit: 'MB' },
    { name: 'memory against eager', value: own / eager, unit: 'x', target: { atMost } },
    { name: 'memory against sdpa', value: own / sdpa, unit: 'x' },
  ]
}
