/**
 * The benchmark of the memory that a preflight expects: ten runs on onnx, each in a process of its own that reports what was expected and the
 * most that the system then counted for it (maxRSS), loading and packing included.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Finding } from './finding.js'
import { bundled, type Setup } from './setup.js'

/** A run of LoRA on all linear layers. */
export interface ExpectedRun {
  readonly folder: string
  readonly kind: 'text' | 'classes'
  readonly batch: number
  /** Tokens of each row. */
  readonly length: number
  readonly threads: number
  readonly rank: number
  readonly dropout: number
  /** How frozen weights are packed, where they are. */
  readonly packing?: 'nf4' | 'int8'
  /** Whether layers are computed again in the backward pass. */
  readonly recomputes?: boolean
}

interface Expected {
  readonly total: number
  readonly measured: number
}

const MEGABYTE = 1e6

/** SmolLM2-135M and MiniLM, on floats and packed, with and without recomputation, of several lengths and batches. */
export async function expectedMemory(setup: Setup): Promise<Finding[]> {
  const script = await bundled('expected-peer')
  const found: Finding[] = []
  for (const [title, run] of runsOf(setup)) {
    const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(run)])
    const { total, measured } = JSON.parse(stdout.trim().split('\n').at(-1) as string) as Expected
    setup.progress(
      `${title}: expected ${(total / MEGABYTE).toFixed(0)} MB, measured ${(measured / MEGABYTE).toFixed(0)} MB, ${(total / measured).toFixed(2)} x`,
    )
    found.push(
      { name: `${title}: expected`, value: total / MEGABYTE, unit: 'MB' },
      { name: `${title}: measured`, value: measured / MEGABYTE, unit: 'MB' },
      { name: `${title}: ratio`, value: total / measured, unit: 'x', target: { atLeast: 0.85, atMost: 1.15 } },
    )
  }
  return found
}

function runsOf({ model, threads }: Setup): [string, ExpectedRun][] {
  const plain = { threads, rank: 8, dropout: 0 }
  const smol = { ...plain, folder: model, kind: 'text' } as const
  const mini = { ...plain, folder: join(model, '../minilm-l6'), kind: 'classes' } as const
  return [
    ['SmolLM2 1 x 256', { ...smol, batch: 1, length: 256 }],
    ['SmolLM2 4 x 128, dropout, r 64', { ...smol, batch: 4, length: 128, dropout: 0.05, rank: 64 }],
    ['SmolLM2 1 x 512', { ...smol, batch: 1, length: 512 }],
    ['SmolLM2 1 x 512, recomputed', { ...smol, batch: 1, length: 512, recomputes: true }],
    ['SmolLM2 2 x 512, int8', { ...smol, batch: 2, length: 512, packing: 'int8' }],
    ['SmolLM2 1 x 512, NF4, recomputed', { ...smol, batch: 1, length: 512, packing: 'nf4', recomputes: true }],
    ['MiniLM 8 x 64', { ...mini, batch: 8, length: 64 }],
    ['MiniLM 16 x 128, dropout', { ...mini, batch: 16, length: 128, dropout: 0.1 }],
    ['MiniLM 8 x 256, recomputed', { ...mini, batch: 8, length: 256, recomputes: true }],
    ['MiniLM 8 x 128, NF4', { ...mini, batch: 8, length: 128, packing: 'nf4' }],
  ]
}
