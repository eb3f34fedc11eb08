/** Every head against transformers' auto classes: what they name for a model_type is here, under the same class, or is refused by name. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Architecture, TaskType } from '@espalier/core'
import { architectures } from '@espalier/models'
import { tinyConfig, tinyFamilies, tinyModel } from '@espalier/models/fixtures/tiny-model.js'
import { taskOfClass } from '@espalier/serialization'
import { beforeAll, describe, expect, it } from 'vitest'

const { ESPALIER_PYTHON: python } = process.env
if (python === undefined) console.log('ESPALIER_PYTHON is not set: heads were not counted against transformers')

const PATIENCE_MS = 5 * 60_000 // importing transformers on a busy machine takes most of it

const MAPPINGS: Readonly<Record<TaskType, string>> = {
  CAUSAL_LM: 'MODEL_FOR_CAUSAL_LM_MAPPING_NAMES',
  SEQ_2_SEQ_LM: 'MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES',
  MASKED_LM: 'MODEL_FOR_MASKED_LM_MAPPING_NAMES',
  SEQ_CLS: 'MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES',
  TOKEN_CLS: 'MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES',
  QUESTION_ANS: 'MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES',
  FEATURE_EXTRACTION: 'MODEL_MAPPING_NAMES',
}

// Heads for what PEFT has no task type for. A checkpoint of one is refused by its class, unless another task is named.
const REFUSED: Readonly<Record<string, string>> = {
  ForMultipleChoice: 'one of several texts is chosen',
  ForNextSentencePrediction: 'whether one text follows another',
  ForPreTraining: 'what BERT, ALBERT and ELECTRA were made with: two heads at once, or which tokens were replaced',
}

const configOf = new Map(tinyFamilies.map(([{ modelType }, config]) => [modelType, config]))

function classOf(architecture: Architecture, task: TaskType, own = {}): string {
  const config = { ...configOf.get(architecture.modelType), ...own }
  return tinyModel(architecture, tinyConfig(architecture, config, task), task).className
}

describe.runIf(python !== undefined)('heads of transformers (needs ESPALIER_PYTHON)', () => {
  let theirs: Readonly<Record<string, Readonly<Record<string, string>>>> = {}
  beforeAll(async () => {
    const script = fileURLToPath(new URL('./heads_side.py', import.meta.url))
    const types = architectures.map(({ modelType }) => modelType)
    theirs = JSON.parse((await promisify(execFile)(python ?? '', [script, ...types])).stdout)
  }, PATIENCE_MS)

  it.each(architectures)('$modelType has every head that it has there, or says what to use instead', (architecture) => {
    const { modelType, tasks, absentHeads = {} } = architecture
    const named = Object.entries(MAPPINGS).flatMap(([task, mapping]) => {
      const name = theirs[mapping]?.[modelType]
      return name === undefined ? [] : [[task, name] as const]
    })
    const absent = new Set(Object.keys(absentHeads))
    expect(new Map(tasks.map((task) => [task, classOf(architecture, task)]))).toEqual(
      new Map(named.filter(([task]) => !absent.has(task))),
    )
    expect(named.map(([task]) => task)).toEqual(expect.arrayContaining([...absent]))
  })

  it('refuses the classes of all other auto classes by name', () => {
    const tasked = new Set(Object.values(MAPPINGS))
    const others = Object.entries(theirs).filter(([mapping]) => !tasked.has(mapping))
    const here = (architecture: Architecture, name: string) =>
      architecture.tasks.some((task) => classOf(architecture, task, { architectures: [name] }) === name)
    const absent = architectures.flatMap((architecture) =>
      others.flatMap(([, names]) => {
        const name = names[architecture.modelType]
        return name === undefined || here(architecture, name) ? [] : [name]
      }),
    )
    const kindOf = (name: string) => name.slice(name.lastIndexOf('For'))
    expect(new Set(absent.map(kindOf))).toEqual(new Set(Object.keys(REFUSED)))
    expect(absent.filter((name) => taskOfClass(name) !== undefined)).toEqual([])
  })
})
