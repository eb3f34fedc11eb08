/**
 * The programmatic interface, line by line: what stands here compiles and runs, and will go on doing so. Sources are given by the caller,
 * so that the same lines run with hub ids or with folders.
 */
import { onnx } from '@espalier/backend-onnx'
import {
  AutoModelForCausalLM,
  AutoTokenizer,
  EspalierError,
  getPeftModel,
  type LoadProgress,
  loadDataset,
  lora,
  PeftModel,
  type PromptCompletion,
  reference,
  SFTTrainer,
} from 'espalier'
import { tiny } from './tiny-tuner.js'

/** Where everything is. */
export interface Places {
  /** A hub id, `HuggingFaceTB/SmolLM2-135M-Instruct`, or a folder. */
  readonly model: string
  /** Rows of prompt and completion. */
  readonly train: string
  /** Folders that are made. */
  readonly outputDir: string
  readonly adapter: string
  readonly signal: AbortSignal
  readonly onProgress: (progress: LoadProgress) => void
  readonly write: (text: string) => void
}

/** Runs the interface from a model to a merged model; returns what the lines came to, for a test to look at. */
export async function contract({ model: source, train, outputDir, adapter, signal, onProgress, write }: Places) {
  await using base = await AutoModelForCausalLM.fromPretrained(source, {
    backend: onnx({ threads: 1 }),
    signal,
    onProgress,
  })
  const tokenizer = await AutoTokenizer.fromPretrained(source, { signal })
  const model = getPeftModel(base, lora({ r: 8, loraAlpha: 16, targetModules: 'all-linear' })) // sync; base is untouched
  const trainable = model.printTrainableParameters()
  const trainDataset = loadDataset<PromptCompletion>(train)
  const evalDataset: PromptCompletion[] = [{ prompt: 'say 1: ', completion: 'yes' }]
  const trainer = new SFTTrainer({
    model,
    tokenizer,
    trainDataset,
    evalDataset,
    args: { outputDir, learningRate: 2e-4, maxSteps: 3 },
  })
  const plan = await trainer.preflight({ signal })
  const run = trainer.train({ signal })
  const seen: { readonly step: number; readonly loss: number; readonly etaSeconds: number }[] = []
  for await (const event of run)
    if (event.type === 'step') seen.push({ step: event.step, loss: event.loss, etaSeconds: event.etaSeconds })
  const { globalStep, trainingLoss } = await run
  const { evalLoss, perplexity } = await trainer.evaluate({ signal })

  const messages = [{ role: 'user', content: 'hello' }]
  const { text } = await model.generate({ messages, maxNewTokens: 8, signal })
  const prompt = 'say 2: '
  let streamed = ''
  for await (const part of model.generateStream({
    prompt,
    maxNewTokens: 8,
    doSample: true,
    temperature: 0.7,
    seed: 1,
    signal,
  })) {
    write(part.text)
    streamed += part.text
  }

  await model.savePretrained(adapter)
  const files = await model.toFiles()
  const served = await PeftModel.fromPretrained(base, adapter)
  await served.loadAdapter(files, { adapterName: 'b' })
  served.setAdapter('b')
  const short = { prompt, maxNewTokens: 4 }
  const disabled = await served.disableAdapter(() => served.generate(short))
  const plain = await base.generate(short)
  await using merged = await served.mergeAndUnload()
  await using moved = await base.to(reference()) // a new handle; the old one stays usable

  const mine = getPeftModel(base, tiny({ rank: 4 }))
  const error = await base.generate({}).catch((reason: unknown) => reason)
  return {
    trainable,
    mine: mine.printTrainableParameters(),
    plan,
    steps: seen,
    globalStep,
    trainingLoss,
    evalLoss,
    perplexity,
    text,
    streamed,
    files: [...files.keys()],
    texts: {
      disabled: disabled.text,
      plain: plain.text,
      moved: (await moved.generate(short)).text,
      served: (await served.generate(short)).text,
      merged: (await merged.generate(short)).text,
    },
    code: EspalierError.isInstance(error) ? error.code : undefined,
  }
}
