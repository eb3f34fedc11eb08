/**
 * The demonstration: a bundled model learns a skill through LoRA, and proves it on rows made from names and templates that training has
 * not seen. Tells everything by events; prints nothing.
 */
import { join, resolve } from 'node:path'
import { namedParameters, sizeOf } from '@espalier/core'
import { lora } from '@espalier/lora'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { namedBackend } from '../model/default-backend.js'
import { getPeftModel, PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { requireNoRun } from '../run-folder/earlier-run.js'
import { checkOutputPlace } from '../run-folder/output-place.js'
import { dataFact } from '../run-folder/run-files.js'
import { lockFolder, type RunLock } from '../run-folder/run-lock.js'
import { SFTTrainer, type SFTTrainerOptions } from '../training/sft-trainer.js'
import { type QuickstartRow, quickstartAssets, readQuickstartRows } from './assets.js'
import { faultsOf, nextCommand, pythonLine } from './conclusion.js'
import type { QuickstartEvent, QuickstartResult, QuickstartScore, QuickstartScoreOf } from './events.js'
import { answerRows, scoreAnswers, scoreConstant } from './score.js'
import { QUICKSTART_ARGS, QUICKSTART_LORA } from './settings.js'
import { shuffledAnswers } from './shuffled-answers.js'

export type { QuickstartEvent, QuickstartResult } from './events.js'

/** How the demonstration runs. */
export interface QuickstartOptions {
  /** Where the adapter and its report go. Default: quickstart-run in the working folder. Another one that holds a run is refused. */
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

const OWN_FOLDER = 'quickstart-run' // written again by each run
const SAMPLES = 3
const ORIGIN =
  'pretrained from nothing with Espalier on the King James Bible (1611, public domain) out of a Debian package; it can do little else than continue a verse'
const SKILL = 'read out of a sentence what there is, how many and where, as a record'

/** Runs the demonstration. Throws file.missing, config.value, run.locked, backend.missing, or the signal's reason. */
export async function runQuickstart(options: QuickstartOptions = {}): Promise<QuickstartResult> {
  const { base: path } = quickstartAssets()
  const outputDir = options.outputDir ?? OWN_FOLDER
  await checkOutputPlace(outputDir, { base: path })
  const lock = await lockFolder(outputDir)
  try {
    if (outputDir !== OWN_FOLDER) await requireNoRun(outputDir)
    return await demonstrate(path, options, lock)
  } finally {
    await lock.release()
  }
}

async function demonstrate(path: string, options: QuickstartOptions, lock: RunLock): Promise<QuickstartResult> {
  const backend = await namedBackend('onnx', options.threads === undefined ? {} : { threads: options.threads })
  const base = await AutoModelForCausalLM.fromPretrained(path, { backend, ...signalOf(options) })
  try {
    return await new Demonstration(base, options, lock).run()
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
    private readonly lock: RunLock,
  ) {
    this.adapterPath = resolve(options.outputDir ?? OWN_FOLDER)
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
    const began = performance.now()
    const model = await this.train('adapter', train, await this.output())
    const reportPath = join(this.adapterPath, 'report.html')
    const trainingSeconds = (performance.now() - began) / 1000
    this.tell({ type: 'saved', adapterPath: this.adapterPath, reportPath })
    this.tell({ type: 'stage', stage: 'score-after' })
    const answers = await this.answers(model, heldOut, 'after')
    const after = this.score('after', scoreAnswers(heldOut, answers))

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

  /** Trains a new adapter on these rows, and tells it; its run folder too, where it has one. */
  private async train(
    of: 'adapter' | 'control',
    rows: readonly QuickstartRow[],
    output: Partial<SFTTrainerOptions> = {},
  ) {
    const model = getPeftModel(this.base, lora(QUICKSTART_LORA), { seed: this.seed })
    if (of === 'adapter') this.tell({ type: 'adapter', summary: model.printTrainableParameters() })
    const args = { ...QUICKSTART_ARGS, seed: this.seed, ...output.args }
    const trainer = new SFTTrainer({ ...output, model, trainDataset: rows, args })
    for await (const event of trainer.train(signalOf(this.options))) this.tell({ type: 'training', of, event })
    return model
  }

  /** What makes a run write its folder. */
  private async output(): Promise<Partial<SFTTrainerOptions>> {
    const { trainFile } = this.assets
    return {
      args: { outputDir: this.adapterPath, overwriteOutputDir: true, saveStrategy: 'no' },
      lock: this.lock,
      runFacts: { data: [await dataFact(trainFile)] },
    }
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
    const model = await this.train('control', shuffledAnswers(train, this.seed))
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
    const parameters = this.parameters()
    this.tell({
      type: 'base',
      path: this.assets.base,
      parameters,
      byteLength: 4 * parameters, // float32
      origin: ORIGIN,
      backend: this.base.backend.name,
    })
  }

  private parameters(): number {
    const sizes = [...namedParameters(this.base.model).values()].map(({ shape }) => sizeOf(shape))
    return sizes.reduce((sum, size) => sum + size, 0)
  }

  private tell(event: QuickstartEvent): void {
    this.options.onEvent?.(event)
  }
}

function signalOf({ signal }: QuickstartOptions): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}
