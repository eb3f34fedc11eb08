/** What a run will take, told before it starts: memory by what it is for, steps, supervision, warnings. */
import { type Backend, byteSize, type Module, namedParameters, sizeOf } from '@espalier/core'
import type { BatchPlan, SupervisionReport } from '@espalier/data'
import type { Recomputation } from './fit-run.js'
import type { MemoryPlan } from './memory-plan.js'

/** What `preflight` tells of any run. */
export interface TrainingPreflight {
  readonly memory: MemoryPlan
  /** What `memoryBudget` has made again; absent where everything fits, or no budget was given. */
  readonly recomputation?: Recomputation
  readonly totalSteps: number
  readonly stepsPerEpoch: number
  readonly trainableParameters: number
  /** Shapes of micro-batches; each compiles once. */
  readonly shapes: BatchPlan['shapes']
  /** What the rows hold, in lines, an example of them last; empty where the task says nothing, and in SFTTrainer, which has `supervision`. */
  readonly description: readonly string[]
  readonly warnings: readonly string[]
}

/** What `preflight` of SFTTrainer tells. */
export interface Preflight extends TrainingPreflight {
  readonly supervision: SupervisionReport
}

/** What there is to say of weights that the backend holds wider than they are stored. */
export function wideningWarnings(model: Module, { name, widening }: Pick<Backend, 'name' | 'widening'>): string[] {
  if (widening === undefined) return []
  let [stored, held] = [0, 0]
  for (const { slot, shape, dtype, source } of namedParameters(model).values()) {
    if (slot !== 'weight' || byteSize(source.dtype) >= byteSize(dtype)) continue
    stored += sizeOf(shape) * byteSize(source.dtype)
    held += sizeOf(shape) * byteSize(dtype)
  }
  if (stored === 0) return []
  return [`${megabytes(stored)} of 16-bit weights take ${megabytes(held)} on ${name}: ${widening}`]
}

function megabytes(count: number): string {
  return `${(count / 1e6).toFixed(1)} MB`
}
