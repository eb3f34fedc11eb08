/** A user's own program over seven packages: makes a tiny model, trains a LoRA on it, saves the adapter. Run as ESM, CommonJS and TypeScript. */
import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onnx } from '@espalier/backend-onnx'
import { AdaptedModel, type HostTensor, initialValues, ParameterScope, Random, weightRequests } from '@espalier/core'
import { causalFeeds, collateCausal } from '@espalier/data'
import { lora } from '@espalier/lora'
import { llama } from '@espalier/models'
import { loadAdapter, loadModel, saveAdapter, saveModel } from '@espalier/serialization'
import { Trainer } from '@espalier/trainer'

const config = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  vocab_size: 64,
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'outside-'))
  const scope = new ParameterScope(initialValues(new Random(1)))
  await saveModel({ model: llama.build(config, scope, 'CAUSAL_LM'), config }, join(folder, 'base'))

  const base = await loadModel(join(folder, 'base'), { architectures: [llama] })
  const backend = onnx({ threads: 1 })
  const model = new AdaptedModel(base)
  model.addAdapter('default', lora({ r: 4, targetModules: 'all-linear' }))
  const ids = Int32Array.from({ length: 16 }, (_, i) => (i * 7) % 64)
  const batch = collateCausal([{ inputIds: ids, labels: ids }], { rows: 1, length: 16, countedSize: 16, padId: 0 })
  const step = {
    microBatches: [
      { feeds: causalFeeds(batch) as Record<string, HostTensor>, count: batch.countedCount, tokens: batch.tokenCount },
    ],
    epoch: 1,
    endsEpoch: false,
  }
  const losses: number[] = []
  const trainer = new Trainer({
    model: model.trainable(),
    backend,
    weights: await backend.loadWeights(weightRequests(model.model)),
    steps: { totalSteps: 8, stepsPerEpoch: 8, steps: () => Array.from({ length: 8 }, () => step) },
    settings: { learningRate: 1e-2 },
    save: async () => {
      await saveAdapter(model, join(folder, 'adapter'))
      return folder
    },
  })
  for await (const event of trainer.train()) if (event.type === 'step') losses.push(event.loss)
  const again = await loadAdapter(base, join(folder, 'adapter'), { tuners: [lora] })
  const saved = JSON.parse(await readFile(join(folder, 'adapter', 'adapter_config.json'), 'utf8')) as {
    peft_type: string
  }
  await backend.close()
  const [first = 0, last = 0] = [losses[0], losses.at(-1)]
  if (!(last < first) || again.warnings.length > 0 || saved.peft_type !== 'LORA')
    throw new Error(`trained from ${first} to ${last}; ${again.warnings.join('; ')}`)
  process.stdout.write(`trained from ${first.toFixed(3)} to ${last.toFixed(3)}\n`)
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`)
  process.exitCode = 1
})
