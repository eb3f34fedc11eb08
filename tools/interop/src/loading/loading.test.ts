/** Damaged, odd and merged model and adapter folders: what is loaded has Python's loss, or is refused. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { EspalierError, reference } from '@espalier/core'
import {
  AutoModel,
  AutoModelForCausalLM,
  AutoModelForMaskedLM,
  AutoModelForSeq2SeqLM,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
  PeftModel,
} from 'espalier'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lossOfModel } from './loss-of-model.js'

const { ESPALIER_PYTHON: python } = process.env
if (python === undefined) console.log('ESPALIER_PYTHON is not set: odd folders were not given to transformers and PEFT')

const CLOSE = 1e-5 // of a loss in float32
const PATIENCE_MS = 30 * 60_000 // importing PyTorch on a busy machine takes minutes, and the folders are some hundred
// Of some 360 odd folders and 900 with another key. The others Python refuses or draws at random, or they are refused here by name.
const MOST_ARE_EQUAL = { odd: 230, keys: 460 }
const classes = {
  AutoModel,
  AutoModelForCausalLM,
  AutoModelForMaskedLM,
  AutoModelForSeq2SeqLM,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
}
const side = fileURLToPath(new URL('./loading_side.py', import.meta.url))

/** A folder, or two, and what Python makes of it: a loss, or why there is none that means anything. */
interface LoadingCase {
  readonly name: string
  readonly model: string
  readonly adapter?: string
  readonly auto?: string
  readonly loss?: number
  readonly raises?: string
  /** Values were drawn. */
  readonly isRandom?: true
  readonly isNoNumber?: true
}

/** What is made of it here. */
interface Outcome {
  readonly loss?: number
  /** What is said beside a loss. */
  readonly said?: string
  /** The typed error. */
  readonly refused?: string
}

// What Python leaves out and this reads, and heads that start at random in Python too.
const SAID = /_orig_mod or module.*PEFT would leave these tensors out|they start at random values/
// Python's model.load_adapter reads them, PeftModel.from_pretrained goes on without.
const READ_BY_TRANSFORMERS = 'adapter names lack base_model.model.'
// Numbers with a point are numbers without one in JSON as JavaScript reads it; Python refuses them as sizes.
const LENIENT = 'sizes as numbers with a point'

describe.skipIf(python === undefined)('odd folders (needs ESPALIER_PYTHON)', { timeout: PATIENCE_MS }, () => {
  let root = ''
  let found: {
    readonly ids: readonly (readonly number[])[]
    readonly odd: readonly LoadingCase[]
    readonly keys: readonly LoadingCase[]
  }

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'espalier-loading-'))
    const result = join(root, 'result.json')
    await promisify(execFile)(python as string, ['-W', 'ignore', side, root, result], { timeout: PATIENCE_MS })
    found = JSON.parse(await readFile(result, 'utf8')) as typeof found
  }, PATIENCE_MS)

  afterAll(async () => {
    if (root !== '') await rm(root, { recursive: true, force: true })
  })

  it.each([
    ['odd', MOST_ARE_EQUAL.odd],
    ['keys', MOST_ARE_EQUAL.keys],
  ] as const)('of the kind "%s" load to the losses of transformers and PEFT, or are refused', async (group, most) => {
    const counts = { equal: 0, refusedByBoth: 0, refusedHere: 0, readAndSaid: 0 }
    const differences: string[] = []
    for (const one of found[group]) {
      const made = await outcomeOf(one)
      const kind = kindOf(one, made)
      if (kind === undefined) differences.push(`${one.name}: ${JSON.stringify(made)}, in Python ${JSON.stringify(one)}`)
      else counts[kind] += 1
    }
    console.log(`${found[group].length} folders (${group}): ${JSON.stringify(counts)}`)
    expect(differences).toEqual([])
    expect(counts.equal).toBeGreaterThanOrEqual(most)
  })

  function kindOf(
    { name, loss, isNoNumber }: LoadingCase,
    made: Outcome,
  ): 'equal' | 'refusedByBoth' | 'refusedHere' | 'readAndSaid' | undefined {
    if (made.refused !== undefined) return loss === undefined ? 'refusedByBoth' : 'refusedHere'
    if (made.loss === undefined) return undefined
    if (isNoNumber === true) return Number.isNaN(made.loss) ? 'equal' : undefined
    if (loss !== undefined && Math.abs(made.loss - loss) < CLOSE) return 'equal'
    const isSaid = SAID.test(made.said ?? '')
    return isSaid || name === READ_BY_TRANSFORMERS || name === LENIENT ? 'readAndSaid' : undefined
  }

  async function outcomeOf({ model, adapter, auto = 'AutoModelForCausalLM' }: LoadingCase): Promise<Outcome> {
    try {
      await using base = await classes[auto as keyof typeof classes].fromPretrained(model, { backend: reference() })
      await using adapted = adapter === undefined ? undefined : await PeftModel.fromPretrained(base, adapter)
      return {
        loss: await lossOfModel(adapted ?? base, found.ids, auto),
        said: [...base.loaded.warnings, ...(adapted?.warnings ?? [])].join('\n'),
      }
    } catch (error) {
      if (EspalierError.isInstance(error)) return { refused: error.message }
      throw error
    }
  }
})
