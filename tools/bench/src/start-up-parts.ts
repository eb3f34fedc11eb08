/** The parts of a start-up: what `train` does, through the library, with a clock between. Arguments: model folder, JSONL, row length, threads. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

const [folder = '', data = '', length = '512', threads = '2'] = process.argv.slice(2)
const parts: Record<string, number> = { 'node itself': performance.now() / 1000 }
let began = performance.now()
function part(name: string): void {
  parts[name] = (performance.now() - began) / 1000
  began = performance.now()
}

async function main(): Promise<void> {
  const [{ onnx }, core, data_, { lora }, { llama }, { loadModel }, trainer] = await Promise.all([
    import('@espalier/backend-onnx'),
    import('@espalier/core'),
    import('@espalier/data'),
    import('@espalier/lora'),
    import('@espalier/models'),
    import('@espalier/serialization'),
    import('@espalier/trainer'),
  ])
  part('imports')
  const backend = onnx({ threads: Number(threads) })
  const tokenizer = await data_.Tokenizer.fromFiles((name) =>
    readFile(join(folder, name), 'utf8').catch(() => undefined),
  )
  part('tokenizer')
  const rows = (await readFile(data, 'utf8')).trim().split('\n')
  const prepared = await data_.prepareSft(
    data_.loadDataset(rows.map((line) => JSON.parse(line) as { text: string })),
    tokenizer,
    { maxLength: Number(length) },
  )
  const plan = data_.planBatches({ lengths: prepared.lengths, counts: prepared.counts, stepRows: 1 })
  const shape = plan.shapes[0] as (typeof plan.shapes)[number]
  const batch = data_.collateCausal([await prepared.example(0)], { ...shape, padId: 0 })
  part('data')
  const base = await loadModel(folder, { architectures: [llama] })
  const adapted = new core.AdaptedModel(base)
  adapted.addAdapter('default', lora({ r: 8, loraAlpha: 8, targetModules: ['q_proj', 'v_proj'] }))
  part('model and adapter')
  const weights = await backend.loadWeights(core.weightRequests(adapted.model))
  part('weights asked for, read meanwhile')
  const trainable = adapted.trainable()
  const feeds = { ...data_.causalFeeds(batch), seed: core.hostTensor('u32', [], [0]) }
  const optimization = { optimizer: trainer.adamw(), clips: true, weightDecay: () => 0 }
  const groups = trainer.parameterGroups(await trainable.trainable(), optimization)
  const program = trainer.accumulateProgram({ model: trainable.model, loss: core.causalLoss }, groups, feeds)
  part('graph and gradients')
  backend.memory?.peakOf(program)
  part('preflight: the graph followed for its memory')
  const compile = backend.compile.bind(backend)
  let compiling = 0
  backend.compile = async (...given) => {
    const from = performance.now()
    try {
      return await compile(...given)
    } finally {
      compiling += (performance.now() - from) / 1000
    }
  }
  const session = await trainer.TrainingSession.open({
    model: trainable,
    backend,
    weights,
    loss: core.causalLoss,
    ...optimization,
  })
  const sum = await session.accumulate(
    { feeds: data_.causalFeeds(batch), count: batch.countedCount, tokens: batch.tokenCount },
    0,
  )
  await session.apply({ step: 1, count: batch.countedCount, learningRate: 2e-4, maxGradNorm: 1 })
  part('first step')
  parts['of it: simplification, emission and sessions'] = compiling
  process.stdout.write(`${JSON.stringify({ type: 'step', loss: sum / batch.countedCount, parts })}\n`)
  await session.close()
  await backend.close()
  await base.close()
}

await main()
