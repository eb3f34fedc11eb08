import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { camelCase, type EspalierError } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { createSchedule, type ScheduleOptions } from './schedule.js'

const rates = (options: Partial<ScheduleOptions> & Pick<ScheduleOptions, 'type'>, steps: readonly number[]) => {
  const rate = createSchedule({ totalSteps: 10, learningRate: 1, ...options })
  return steps.map((step) => Math.round(rate(step) * 1e6) / 1e6)
}

describe('createSchedule', () => {
  it('rises to the base rate and falls to 0 in straight lines', () => {
    expect(rates({ type: 'linear', warmupSteps: 2 }, [0, 1, 2, 6, 10])).toEqual([0, 0.5, 1, 0.5, 0])
  })

  it('follows half a cosine', () => {
    expect(rates({ type: 'cosine' }, [0, 5, 10])).toEqual([1, 0.5, 0])
    expect(rates({ type: 'cosine_with_restarts', parameters: { numCycles: 2 } }, [0, 5, 10])).toEqual([1, 1, 0])
  })

  it('stays where it is when constant', () => {
    expect(rates({ type: 'constant', warmupSteps: 4 }, [0, 9])).toEqual([1, 1])
    expect(rates({ type: 'constant_with_warmup', warmupSteps: 4 }, [1, 4, 9])).toEqual([0.25, 1, 1])
  })

  it('ends polynomial decay at an absolute rate', () => {
    expect(rates({ type: 'polynomial', parameters: { lrEnd: 0.2 } }, [0, 5, 10, 12])).toEqual([1, 0.6, 0.2, 0.2])
  })

  it('holds, then decays', () => {
    const parameters = { numDecaySteps: 4, decayType: 'linear', minLrRatio: 0.5 }
    expect(rates({ type: 'warmup_stable_decay', warmupSteps: 2, parameters }, [0, 1, 2, 5, 8, 10])).toEqual([
      0.5, 0.75, 1, 1, 0.75, 0.5,
    ])
  })

  it('names the schedules that exist when one does not', () => {
    const make = () => createSchedule({ type: 'cosin' as 'cosine', totalSteps: 1, learningRate: 1 })
    expect(make).toThrowError(expect.objectContaining({ code: 'config.value' }))
    try {
      make()
    } catch (error) {
      expect((error as EspalierError).details).toMatchObject({ known: expect.arrayContaining(['cosine']) })
    }
  })

  it('equals transformers at every step of every golden schedule', () => {
    const root = process.env.ESPALIER_FIXTURES
    if (root === undefined) {
      process.stdout.write('not run: golden schedules (set ESPALIER_FIXTURES)\n')
      return
    }
    const folder = join(root, 'optim/schedules')
    const golden = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8')) as GoldenSchedules
    const expected = floatsOf(readFileSync(join(folder, 'expected.safetensors')))
    expect(Object.keys(golden.schedules).length).toBeGreaterThan(10)
    for (const [name, { type, warmup_steps, training_steps, ...rest }] of Object.entries(golden.schedules)) {
      if (type === 'reduce_lr_on_plateau') continue // follows a metric, not the step: there is no such schedule yet
      const want = expected.get(`expected.${name}`) ?? []
      const rate = createSchedule({
        type: type as ScheduleOptions['type'],
        totalSteps: training_steps ?? want.length,
        warmupSteps: warmup_steps ?? 0,
        learningRate: golden.base_lr,
        parameters: Object.fromEntries(Object.entries(rest).map(([key, value]) => [camelCase(key), value])),
      })
      expect(want.length, name).toBeGreaterThan(0)
      for (const [step, value] of want.entries())
        expect(Math.abs(rate(step) - value), `${name}, step ${step}`).toBeLessThanOrEqual(
          1e-12 + 1e-9 * Math.abs(value),
        )
    }
  })
})

interface GoldenSchedules {
  readonly base_lr: number
  readonly schedules: Readonly<
    Record<
      string,
      { readonly type: string; readonly warmup_steps: number | null; readonly training_steps: number | null }
    >
  >
}

/** The f64 (or f32) tensors of a small safetensors file. */
function floatsOf(file: Buffer): Map<string, number[]> {
  const length = Number(file.readBigUInt64LE(0))
  const header = JSON.parse(file.toString('utf8', 8, 8 + length)) as Record<
    string,
    { readonly dtype: string; readonly data_offsets: readonly [number, number] }
  >
  return new Map(
    Object.entries(header).flatMap(([name, { dtype, data_offsets: range }]) => {
      if (range === undefined) return []
      const bytes = file.subarray(8 + length + range[0], 8 + length + range[1]).slice()
      const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
      return [[name, [...(dtype === 'F64' ? new Float64Array(buffer) : new Float32Array(buffer))]] as const]
    }),
  )
}
