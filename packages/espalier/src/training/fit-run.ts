/** How a run fits in memory: what its budget has made again, and what to do where the machine has too little. */
import {
  type CheckpointingOptions,
  checkpointActivations,
  fitCheckpointing,
  multiplyAdds,
  reachedLayers,
} from '@espalier/checkpointing'
import { programRoots } from '@espalier/core'
import type { TrainingTransform } from '@espalier/trainer'
import { type MemoryPlan, RunMemory, type RunToPlan } from './memory-plan.js'
import { writtenSize } from './memory-size.js'

/** What is made again in the backward pass for a run to fit in its budget, and what that costs. */
export interface Recomputation {
  /** As `gradientCheckpointing` takes it. */
  readonly options: readonly CheckpointingOptions[]
  /** Multiply-adds of the largest micro-batch, forward and backward, what is made again included. */
  readonly multiplyAdds: number
  /** What is made again of that, as a share of the multiply-adds without it: 0.3 for a third of the three passes, about. */
  readonly moreMultiplyAdds: number
  /** Bytes that the run would take beside `memory.total` if no value were made again. */
  readonly savedBytes: number
}

/** A run that fits. */
export interface FittedRun {
  readonly memory: MemoryPlan
  /** All of them, those that make values again included. */
  readonly transforms: readonly TrainingTransform[]
  /** Present where the budget has something made again. */
  readonly recomputation?: Recomputation
}

/** A run and what it may take. `transforms` are those beside checkpointing. */
export interface RunToFit extends RunToPlan {
  /** Bytes. Default: as many as it takes. */
  readonly budget?: number | undefined
  /** What is made again in any case. */
  readonly checkpointing: readonly CheckpointingOptions[]
}

/**
 * The memory of a run, with as little made again as fits in its budget. `transforms`: all of the run without a budget, those that make
 * `checkpointing` again included. Throws memory.budget with the least bytes that are possible.
 */
export async function fitRun(run: RunToFit, transforms: readonly TrainingTransform[]): Promise<FittedRun> {
  const { budget, checkpointing, transforms: others = [] } = run
  const memory = await RunMemory.of(run)
  const given = { memory: memory.plan(transforms), transforms }
  if (budget === undefined || given.memory.total <= budget) return given
  const plans = new Map<string, FittedRun>([[JSON.stringify(checkpointing), given]])
  const planned = (options: readonly CheckpointingOptions[]) => {
    const key = JSON.stringify(options)
    const own = [...others, ...checkpointed(options)]
    const plan = plans.get(key) ?? { memory: memory.plan(own), transforms: own }
    plans.set(key, plan)
    return plan
  }
  const plain = memory.largestProgram(others)
  const { options } = fitCheckpointing({
    budget,
    layers: reachedLayers(programRoots(plain), run.trainable.model),
    atLeast: checkpointing,
    bytesOf: (options) => planned(options).memory.total,
  })
  const fitted = planned(options)
  const [before, after] = [plain, memory.largestProgram(fitted.transforms)].map((program) =>
    multiplyAdds(programRoots(program)),
  ) as [number, number]
  return {
    ...fitted,
    recomputation: {
      options,
      multiplyAdds: after,
      moreMultiplyAdds: after / before - 1,
      savedBytes: planned([]).memory.total - fitted.memory.total,
    },
  }
}

/** The transforms that make again what the options say: none for none. */
export function checkpointed(options: readonly CheckpointingOptions[]): readonly TrainingTransform[] {
  return options.length === 0 ? [] : [checkpointActivations(options)]
}

/** What to say of a run that takes more memory than there is, with what makes it fit; nothing where it fits. room: bytes of the machine; undefined: not known. */
export async function roomWarnings(run: RunToFit, taken: number, room: number | undefined): Promise<string[]> {
  if (room === undefined || taken <= room) return []
  const start = `the run will take about ${writtenSize(taken)} of memory, and this machine has ${writtenSize(room)}`
  const memory = await RunMemory.of(run)
  const least = memory.plan([...(run.transforms ?? []), ...checkpointed([{}])]).total
  const isIn = run.checkpointing.length > 0
  if (!isIn && least <= room)
    return [
      `${start}: with gradientCheckpointing it takes ${writtenSize(least)}, and memoryBudget makes no more again than it must`,
    ]
  return [
    `${start}: a smaller model, maxLength or tokensPerMicroBatch takes less${isIn ? '' : `, gradientCheckpointing would still take ${writtenSize(least)}`}`,
  ]
}
