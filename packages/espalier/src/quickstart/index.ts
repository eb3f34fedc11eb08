/**
 * The demonstration: a bundled model learns a skill through LoRA, and proves it on rows made from names and templates that training has
 * not seen. Tells everything by events; prints nothing.
 */
import { resolve } from 'node:path'
import { namedParameters, sizeOf } from '@espalier/core'
import { lora } from '@espalier/lora'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { namedBackend } from '../model/default-backend.js'
import { getPeftModel, PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { SFTTrainer } from '../training/sft-trainer.js'
import { type QuickstartRow, quickstartAssets, readQuickstartRows } from './assets.js'
import { faultsOf, nextCommand, pythonLine } from './conclusion.js'
import type { QuickstartEvent, QuickstartResult, QuickstartScore, QuickstartScoreOf } from './events.js'
import { answerRows, scoreAnswers, scoreConstant } from './score.js'
import { QUICKSTART_ARGS, QUICKSTART_LORA } from './settings.js'
import { shuffledAnswers } from './shuffled-answers.js'

export type {
  QuickstartEvent,
  QuickstartResult,
  QuickstartSample,
  QuickstartScore,
  QuickstartScoreOf,
  QuickstartStage,
} from './events.js'

/** How the demonstration runs. */
export interface QuickstartOptions {
  /** Where the adapter and its report go. Default: quickstart-run in the working folder. */
  readonly outputDir?: string
  /** Threads that compute. Default: all. */
  readonly threads?: number
  readonly signal?: AbortSignal
  readonly onEvent?: (event: QuickstartEvent) => void
  /** Trains a second adapter on shuffled answers, for comparison. Default true. */
  readonly control?: boolean
  /** Of the adapter's initial values and the order of rows. Default 42. */
  readonly seed?: number
}

const SAMPLES = 3
const ORIGIN =
  'pretrained from nothing with Espalier on the King James Bible (1611, public domain) out of a Debian package; it can do little else than continue a verse'
const SKILL = 'read out of a sentence who gives what to whom, as a record'

/** Runs the demonstration. Throws file.missing, backend.missing, or the signal's reason. */
export async function runQuickstart(options: QuickstartOptions = {}): Promise<QuickstartResult> {
  const { base: path } = quickstartAssets()
  const backend = await namedBackend('onnx', options.threads === undefined ? {} : { threads: options.threads })
  const base = await AutoModelForCausalLM.fromPretrained(path, { backend, ...signalOf(options) })
  try {
    return await new Demonstration(base, options).run()
  } finally {
    await base.close()
  }
}

class Demonstration {
  private readonly assets = quickstartAssets()
  private readonly adapterPath: string
  private readonly seed: number

  constructor(
    private readonly base: PretrainedModel,
    private readonly options: QuickstartOptions,
  ) {
    this.adapterPath = resolve(options.outputDir ?? 'quickstart-run')
    this.seed = options.seed ?? QUICKSTART_ARGS.seed
  }

  async run(): Promise<QuickstartResult> {
    const { assets, base } = this
    this.tellBase()
    const train = await readQuickstartRows(assets.trainFile)
    const heldOut = await readQuickstartRows(assets.heldOutFile)
    this.tell({
      type: 'data',
      path: assets.trainFile,
      trainRows: train.length,
      heldOutRows: heldOut.length,
      skill: SKILL,
    })
    const constant = this.score('constant', scoreConstant(heldOut))

    this.tell({ type: 'stage', stage: 'score-before' })
    const before = this.score('before', scoreAnswers(heldOut, await this.answers(base, heldOut, 'before')))

    this.tell({ type: 'stage', stage: 'train' })
    const { model, seconds: trainingSeconds } = await this.train(train, 'adapter')
    this.tell({ type: 'stage', stage: 'score-after' })
    const answers = await this.answers(model, heldOut, 'after')
    const after = this.score('after', scoreAnswers(heldOut, answers))
    const reportPath = null
    this.tell({ type: 'saved', adapterPath: this.adapterPath, reportPath })

    const reloadedEqual = await this.reload(heldOut, answers)
    const control = this.options.control === false ? null : await this.control(train, heldOut)
    const measures = { before, after, constant, control, reloadedEqual }
    const faults = faultsOf(measures)
    return {
      passed: faults.length === 0,
      faults,
      ...measures,
      trainingSeconds,
      basePath: assets.base,
      adapterPath: this.adapterPath,
      reportPath,
      pythonLine: pythonLine(assets.base, this.adapterPath),
      nextCommand: nextCommand(assets.trainFile),
    }
  }

  /** A new adapter, trained on these rows. The real one is saved. */
  private async train(rows: readonly QuickstartRow[], of: 'adapter' | 'control') {
    const model = getPeftModel(this.base, lora(QUICKSTART_LORA), { seed: this.seed })
    const folder = of === 'adapter' ? { outputDir: this.adapterPath } : {}
    if (of === 'adapter') this.tell({ type: 'adapter', summary: model.printTrainableParameters() })
    const trainer = new SFTTrainer({
      model,
      trainDataset: rows,
      args: { ...QUICKSTART_ARGS, ...folder, seed: this.seed, saveStrategy: 'no', overwriteOutputDir: true },
    })
    const began = performance.now()
    for await (const event of trainer.train(signalOf(this.options))) this.tell({ type: 'training', of, event })
    return { model, seconds: (performance.now() - began) / 1000 }
  }

  private async reload(rows: readonly QuickstartRow[], before: readonly string[]): Promise<boolean> {
    this.tell({ type: 'stage', stage: 'reload' })
    const again = await this.answers(await PeftModel.fromPretrained(this.base, this.adapterPath), rows)
    const equal = again.every((answer, i) => answer === before[i])
    this.tell({ type: 'reloaded', equal, answers: again.length })
    return equal
  }

  private async control(train: readonly QuickstartRow[], heldOut: readonly QuickstartRow[]): Promise<QuickstartScore> {
    this.tell({ type: 'stage', stage: 'train-control' })
    const { model } = await this.train(shuffledAnswers(train, this.seed), 'control')
    this.tell({ type: 'stage', stage: 'score-control' })
    return this.score('control', scoreAnswers(heldOut, await this.answers(model, heldOut)))
  }

  private async answers(
    model: PretrainedModel | PeftModel,
    rows: readonly QuickstartRow[],
    when?: 'before' | 'after',
  ): Promise<string[]> {
    const answers = await answerRows(model, rows, signalOf(this.options))
    if (when !== undefined) {
      const samples = rows.slice(0, SAMPLES).map(({ prompt, completion: expected }, i) => ({
        prompt: prompt.trimEnd(),
        expected,
        answer: answers[i] ?? '',
      }))
      this.tell({ type: 'samples', when, samples })
    }
    return answers
  }

  private score(of: QuickstartScoreOf, score: QuickstartScore): QuickstartScore {
    this.tell({ type: 'score', of, score })
    return score
  }

  private tellBase(): void {
    const sizes = [...namedParameters(this.base.model).values()].map(({ shape }) => sizeOf(shape))
    const parameters = sizes.reduce((sum, size) => sum + size, 0)
    this.tell({
      type: 'base',
      path: this.assets.base,
      parameters,
      byteLength: 4 * parameters, // float32
      origin: ORIGIN,
      backend: this.base.backend.name,
    })
  }

  private tell(event: QuickstartEvent): void {
    this.options.onEvent?.(event)
  }
}

function signalOf({ signal }: QuickstartOptions): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}
