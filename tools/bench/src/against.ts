/** The same benchmarks with another checkout of this repository in PyTorch's place: whether a change made a step slower or larger. */
import { join } from 'node:path'
import type { Finding } from './finding.js'
import { interleave, roundLine } from './interleave.js'
import { median, Peer } from './peer.js'
import { denseRows, gsm8kRows, type Row, sizesOf } from './rows.js'
import { bundled, type Setup } from './setup.js'

const GSM8K_STEPS = 8
const DECODED = 64 // tokens

type Sides = readonly [own: Peer, other: Peer]

/** Benchmarks of this checkout against the built one in a folder; values above 1 are in favour of this one. */
export function benchesAgainst(folder: string): Readonly<Record<string, (setup: Setup) => Promise<Finding[]>>> {
  const start = async ({ model }: Setup, setting: object): Promise<Sides> => {
    const scripts = [await bundled('espalier-peer'), await bundled('espalier-peer', join(folder, 'tools/bench'))]
    const side = (i: number, name: string) =>
      Peer.start(name, process.execPath, [scripts[i] as string, model, JSON.stringify(setting)])
    return [await side(0, 'this'), await side(1, 'other')]
  }
  const dense = async (setup: Setup, batch: number, length: number) => {
    const rows = denseRows(batch, length)
    const setting = {
      threads: setup.threads,
      sizes: sizesOf(rows),
      stepRows: batch,
      tokensPerMicroBatch: batch * length,
    }
    const sides = await start(setup, setting)
    const [own, other] = (await interleave(setup, sides, () => rows)).map(median) as [number, number]
    return ended(sides, own, other)
  }
  return {
    'dense-1x512': (setup) => dense(setup, 1, 512),
    'dense-4x256': (setup) => dense(setup, 4, 256),
    async gsm8k(setup) {
      const rows = await gsm8kRows(setup)
      const steps = Array.from({ length: GSM8K_STEPS }, (_, step) => rows.slice(step * 8, (step + 1) * 8))
      const sides = await start(setup, { threads: setup.threads, sizes: sizesOf(rows), stepRows: 8, masked: true })
      const seconds = sides.map(() => steps.map(() => [] as number[]))
      for (let round = 0; round <= setup.rounds; round++)
        for (const [s, step] of steps.entries())
          for (const [i, side] of sides.entries()) {
            const answer = await side.ask<{ seconds: number }>({ do: 'step', rows: step })
            if (round > 0) seconds[i]?.[s]?.push(answer.seconds)
          }
      const [own, other] = seconds.map((of) => of.map(median).reduce((a, b) => a + b, 0)) as [number, number]
      return ended(sides, own, other)
    },
    async decode(setup) {
      const [row] = denseRows(1, 32) as [Row]
      const sides = await start(setup, { threads: setup.threads, sizes: sizesOf([row]), stepRows: 1 })
      const seconds: number[][] = sides.map(() => [])
      for (let round = 0; round <= setup.rounds; round++)
        for (const [i, side] of sides.entries()) {
          const request = { do: 'generate', ids: row.input_ids, count: DECODED }
          const answer = await side.ask<{ seconds: number }>(request)
          if (round > 0) seconds[i]?.push(answer.seconds)
        }
      const [own, other] = seconds.map(median) as [number, number]
      return ended(sides, own, other)
    },
    async 'first-step'(setup) {
      const rows = denseRows(1, 512)
      const setting = { threads: setup.threads, sizes: sizesOf(rows), stepRows: 1, tokensPerMicroBatch: 512 }
      const seconds: number[][] = [[], []]
      for (let round = 0; round <= setup.rounds; round++) {
        const sides = await start(setup, setting)
        const taken: string[] = []
        for (const [i, side] of sides.entries()) {
          const answer = await side.ask<{ seconds: number }>({ do: 'step', rows })
          taken.push(`${side.name} ${answer.seconds.toFixed(2)} s`)
          if (round > 0) seconds[i]?.push(answer.seconds)
        }
        await Promise.all(sides.map((side) => side.end()))
        setup.progress(roundLine(round, setup.rounds, taken))
      }
      const [own, other] = seconds.map(median) as [number, number]
      return timesOf(own, other)
    },
  }
}

async function ended(sides: Sides, own: number, other: number): Promise<Finding[]> {
  const [ownBytes, otherBytes] = sides.map((side) => side.peakBytes) as [number, number]
  await Promise.all(sides.map((side) => side.end()))
  return [
    ...timesOf(own, other),
    { name: 'peak memory', value: ownBytes / 1e6, unit: 'MB' },
    { name: 'peak memory of the other', value: otherBytes / 1e6, unit: 'MB' },
    { name: 'less memory', value: otherBytes / ownBytes, unit: 'x' },
  ]
}

function timesOf(own: number, other: number): Finding[] {
  return [
    { name: 'time', value: own, unit: 's' },
    { name: 'time of the other', value: other, unit: 's' },
    { name: 'faster', value: other / own, unit: 'x' },
  ]
}
