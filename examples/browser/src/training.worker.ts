/** Trains in a worker: WebAssembly computes in the thread that calls it, and a page's own would stand still. */
import {
  AutoModelForCausalLM,
  EspalierError,
  getPeftModel,
  lora,
  namedBackend,
  PeftModel,
  type PretrainedModel,
  SFTTrainer,
  type TrainingRun,
} from 'espalier'
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url'
import type { Answer, Request } from './messages.js'

let run: TrainingRun | undefined

addEventListener('message', ({ data }: MessageEvent<Request>) => {
  if (data.type === 'stop') run?.stop()
  else
    train(data).catch((error: unknown) =>
      say({
        type: 'failed',
        message: EspalierError.isInstance(error) ? `${error.message} [${error.code}]` : String(error),
      }),
    )
})

async function train({ model: files, rows, steps, ask }: Extract<Request, { type: 'train' }>): Promise<void> {
  say({ type: 'state', text: 'Loading the model' })
  // Bundlers move the runtime's .wasm file, so its address is given.
  const backend = await namedBackend('onnx', { wasmPaths: { wasm: new URL(wasm, location.href) } })
  const base = await AutoModelForCausalLM.fromPretrained(files, { backend })
  try {
    const model = getPeftModel(base, lora({ r: 16, loraAlpha: 32, targetModules: 'all-linear' }))
    const answer = async (of: PretrainedModel | PeftModel) =>
      (await of.generate({ prompt: ask, maxNewTokens: 48 })).text
    say({ type: 'text', when: 'before', text: await answer(base) })

    say({ type: 'state', text: 'Preparing the data' })
    const args = { maxSteps: steps, learningRate: 3e-3, warmupSteps: 20, perDeviceTrainBatchSize: 16 }
    run = new SFTTrainer({ model, trainDataset: rows, args }).train()
    for await (const event of run)
      if (event.type === 'step') say({ type: 'step', step: event.step, totalSteps: event.totalSteps, loss: event.loss })

    // PEFT's files, which the page offers for download; savePretrained also writes to a directory handle, such as OPFS' root.
    const adapter = await model.toFiles()
    say({ type: 'adapter', files: adapter })
    const loaded = await PeftModel.fromPretrained(base, adapter)
    say({ type: 'text', when: 'after', text: await answer(loaded) })
    say({ type: 'state', text: 'Done' })
  } finally {
    await base.close()
  }
}

function say(answer: Answer): void {
  postMessage(answer)
}
