/** What training an adapter on a model would take in memory, from its headers alone: the program is built and followed, never run. */
import { causalLoss, reference } from '@espalier/core'
import { DataCollatorForCausalLM } from '@espalier/data'
import { lora } from '@espalier/lora'
import type { Source } from '@espalier/serialization'
import { adamw } from '@espalier/trainer'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { getPeftModel } from '../model/peft-model.js'
import { memoryPlan } from '../training/memory-plan.js'
import { bytes } from './terminal.js'

const LENGTH = 512 // tokens of the row that is thought of, all of them supervised

/** The memory in words, or why it is not known: the model is of a kind that cannot be trained here, or its files are wrong. */
export async function trainingMemory(source: Source): Promise<string> {
  try {
    const base = await AutoModelForCausalLM.fromPretrained(source, { backend: reference() })
    try {
      const length = Math.min(LENGTH, base.model.sizes.maxPositions ?? LENGTH)
      const shape = { rows: 1, length, countedSize: length }
      const trainable = getPeftModel(base, lora({})).adapted.trainable()
      const { total, weights, adapterAndOptimizer, activations } = await memoryPlan({
        trainable,
        optimizer: adamw(),
        loss: causalLoss,
        batches: [{ shape, feeds: new DataCollatorForCausalLM({ padId: 0 }).collate([], shape).feeds }],
      })
      return `${bytes(total)} for LoRA of rank 8 on one row of ${length} tokens: weights ${bytes(weights)}, adapter and optimizer ${bytes(adapterAndOptimizer)}, activations ${bytes(activations)}`
    } finally {
      await base.close()
    }
  } catch (error) {
    return `not known: ${error instanceof Error ? error.message : String(error)}`
  }
}
