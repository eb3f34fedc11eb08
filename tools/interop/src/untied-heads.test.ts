/** Adapters merged into either end of the table that a masked language model shares: transformers reads what is saved, and gives our logits. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import {
  AdaptedModel,
  configureFromFile,
  hostTensor,
  initialValues,
  mergedWeights,
  ParameterScope,
  Random,
  reference,
  sizeOf,
  weightRequests,
  withValues,
} from '@espalier/core'
import { lora } from '@espalier/lora'
import { architectures } from '@espalier/models'
import { saveModel } from '@espalier/serialization'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { logitsOf } from './our-side.js'

const { ESPALIER_PYTHON: python } = process.env
if (python === undefined) console.log('ESPALIER_PYTHON is not set: untied heads were not given to transformers')

const LOGITS = 1e-4 // float32 on both sides, sums in another order
const PATIENCE_MS = 5 * 60_000 // importing PyTorch on a busy machine takes most of it
const inputIds = [[2, 7, 5, 11, 3]]
const ids = hostTensor('i32', [1, 5], inputIds.flat())

const encoder = {
  vocab_size: 13,
  hidden_size: 8,
  intermediate_size: 10,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  max_position_embeddings: 16,
}
const distilbert = { vocab_size: 13, dim: 8, hidden_dim: 10, n_layers: 1, n_heads: 2 }
const families: readonly (readonly [string, object, string])[] = [
  ['bert', encoder, 'cls.predictions.decoder'],
  ['roberta', { ...encoder, pad_token_id: 1 }, 'lm_head.decoder'],
  ['distilbert', distilbert, 'vocab_projector'],
  ['electra', { ...encoder, embedding_size: 6 }, 'generator_lm_head'],
  ['albert', { ...encoder, embedding_size: 6 }, 'predictions.decoder'],
  ['deberta', { ...encoder, type_vocab_size: 0 }, 'cls.predictions.decoder'],
  ['deberta-v2', { ...encoder, type_vocab_size: 0 }, 'cls.predictions.decoder'],
]
// Beside the projection its bias changes too.
const cases = families.flatMap(([modelType, config, decoder]) =>
  [{ target_modules: ['word_embeddings'] }, { target_modules: [decoder], lora_bias: true }].map((adapter) => ({
    name: `${modelType}: ${adapter.target_modules}`,
    modelType,
    config,
    adapter,
  })),
)

describe.runIf(python !== undefined)('masked language models whose head was untied (needs ESPALIER_PYTHON)', () => {
  const backend = reference()
  const ours = new Map<string, Float32Array>()
  let work = ''
  let found: Record<string, { logits: number[]; faults: string[] }>

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'espalier-untied-'))
    const folders = cases.map(({ name }, i) => [name, join(work, String(i))] as const)
    for (const [i, [name, folder]] of folders.entries()) ours.set(name, await writeMerged(cases[i]!, folder))
    const [planFile, resultFile] = [join(work, 'plan.json'), join(work, 'result.json')]
    await writeFile(planFile, JSON.stringify({ inputIds, folders: Object.fromEntries(folders) }))
    const script = fileURLToPath(new URL('./untied_heads_side.py', import.meta.url))
    await promisify(execFile)(python ?? '', [script, planFile, resultFile], { timeout: PATIENCE_MS })
    found = JSON.parse(await readFile(resultFile, 'utf8')) as typeof found
  }, PATIENCE_MS)

  afterAll(async () => {
    await backend.close()
    if (work !== '') await rm(work, { recursive: true, force: true })
  })

  /** Writes a random model with a random adapter merged into it, and gives its logits. */
  async function writeMerged(
    { modelType, config: sizes, adapter: settings }: (typeof cases)[number],
    folder: string,
  ): Promise<Float32Array> {
    const architecture = architectures.find((family) => family.modelType === modelType)!
    const config = { ...sizes, model_type: modelType }
    const model = architecture.build(config, new ParameterScope(initialValues(new Random(2))), 'MASKED_LM')
    const { defaultTargets } = architecture
    const base = { model, modelType, config, nameOrPath: null, revision: null, defaultTargets }
    const adapted = new AdaptedModel(base)
    const adapter = adapted.addAdapter('default', configureFromFile(lora, settings))
    const values = [...adapter.specs].map(
      ([key, { shape }]) => [key, hostTensor('f32', shape, new Random(9).at(key).normal(sizeOf(shape), 0.5))] as const,
    )
    adapter.setValues(new Map(values))
    const weights = await backend.loadWeights(weightRequests(model))
    const merged = withValues(model, (await mergedWeights(adapted, backend, weights)).weights)
    weights.release()
    await saveModel({ model: merged, config }, folder)
    return logitsOf(new AdaptedModel({ ...base, model: merged }), backend, ids)
  }

  it.each(cases)('transformers gives our logits and finds all weights ($name)', ({ name }) => {
    const { logits, faults } = found[name]!
    expect(faults).toEqual([])
    const distances = [...ours.get(name)!].map((value, i) => Math.abs(value - logits[i]!))
    expect(Math.max(...distances)).toBeLessThan(LOGITS)
  })
})
