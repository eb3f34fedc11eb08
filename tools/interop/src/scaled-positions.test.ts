/** Rotary positions that are stretched to longer texts, by either key of config.json, against transformers on both sides of the trained positions. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { AdaptedModel, hostTensor, type LanguageModel, reference, weightRequests } from '@espalier/core'
import { architectures, generateRows } from '@espalier/models'
import { loadModel } from '@espalier/serialization'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { logitsOf } from './our-side.js'

const { ESPALIER_PYTHON: python } = process.env
if (python === undefined)
  console.log('ESPALIER_PYTHON is not set: scaled positions were not checked against transformers')

const LOGITS = 2e-4 // float32 on both sides, angles of positions above a hundred
const PATIENCE_MS = 10 * 60_000 // importing PyTorch on a busy machine takes most of it
const NEW_TOKENS = 16

const sizes = {
  vocab_size: 37,
  hidden_size: 16,
  intermediate_size: 10,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 128,
  pad_token_id: 0,
}
const llama = { ...sizes, model_type: 'llama' }
const phi3 = { ...sizes, model_type: 'phi3', original_max_position_embeddings: 20 }
const long = { short_factor: [1.0, 1.1, 1.3, 1.7], long_factor: [1.5, 2.5, 3.5, 5.5] }
const trained = { original_max_position_embeddings: 20 }
const blends = { low_freq_factor: 1.0, high_freq_factor: 4.0 }

// transformers 5.18 reads Phi-3's text again behind the switch, but with a cache only its last token: without one it reads all.
const cases = [
  ['linear', llama, { rope_scaling: { type: 'linear', factor: 2.5 } }],
  ['dynamic', { ...llama, max_position_embeddings: 20 }, { rope_scaling: { rope_type: 'dynamic', factor: 4.0 } }],
  ['yarn', llama, { rope_parameters: { rope_type: 'yarn', rope_theta: 500.0, factor: 4.0, ...trained } }],
  [
    'llama3',
    llama,
    { rope_parameters: { rope_type: 'llama3', rope_theta: 500.0, factor: 8.0, ...blends, ...trained } },
  ],
  ['proportional', llama, { rope_parameters: { rope_type: 'proportional', factor: 2.0, partial_rotary_factor: 0.5 } }],
  ['longrope', llama, { rope_parameters: { rope_type: 'longrope', rope_theta: 500.0, ...long, ...trained } }],
  ['longrope of Phi-3', phi3, { rope_scaling: { type: 'longrope', ...long } }],
  [
    'su of Phi-3',
    phi3,
    { rope_theta: 500.0, rope_scaling: { type: 'su', ...long, ...trained, attention_factor: 1.25 } },
  ],
  [
    'both keys',
    { ...llama, rope_theta: 300.0 },
    {
      rope_scaling: { rope_type: 'linear', factor: 3.0 },
      rope_parameters: { rope_type: 'linear', rope_theta: 700.0, factor: 2.0 },
    },
  ],
].map(([name, config, keys]) => ({
  name: name as string,
  config: { ...(config as object), ...(keys as object) },
  usesCache: config !== phi3,
}))

// Shorter than the trained positions, at their end, one token longer, and much longer.
const texts = [14, 20, 21, 61].map((length) => Array.from({ length }, (_, i) => 1 + ((i * i * 7 + 5 * i) % 36)))

describe.runIf(python !== undefined)('scaled positions as in transformers (needs ESPALIER_PYTHON)', () => {
  const backend = reference()
  let work = ''
  let found: Readonly<Record<string, { logits: number[][]; made: number[] }>> = {}

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'espalier-positions-'))
    const [plan, result] = [join(work, 'plan.json'), join(work, 'result.json')]
    const placed = cases.map((each, i) => ({ ...each, folder: join(work, String(i)) }))
    const written = JSON.stringify({ cases: placed, texts, newTokens: NEW_TOKENS })
    await writeFile(
      plan,
      written.replaceAll(/("(?:factor|rope_theta|low_freq_factor|high_freq_factor)":\d+)([,}])/g, '$1.0$2'),
    )
    const script = fileURLToPath(new URL('./scaled_positions_side.py', import.meta.url))
    await promisify(execFile)(python ?? '', [script, plan, result], { timeout: PATIENCE_MS })
    found = JSON.parse(await readFile(result, 'utf8')) as typeof found
  }, PATIENCE_MS)

  afterAll(async () => {
    await backend.close()
    if (work !== '') await rm(work, { recursive: true, force: true })
  })

  it.each(cases.map(({ name }, i) => [name, i] as const))('%s', async (name, i) => {
    const base = await loadModel(join(work, String(i)), { architectures })
    const adapted = new AdaptedModel(base)
    for (const [j, ids] of texts.entries()) {
      const all = await logitsOf(adapted, backend, hostTensor('i32', [1, ids.length], ids), false)
      const last = Array.from(all.slice(-sizes.vocab_size))
      const distances = last.map((value, k) => Math.abs(value - (found[name]?.logits[j]?.[k] ?? Number.NaN)))
      expect(Math.max(...distances)).toBeLessThan(LOGITS)
    }
    const model = base.model as LanguageModel
    const source = { model, backend, weights: await backend.loadWeights(weightRequests(model)) }
    const options = { maxNewTokens: NEW_TOKENS }
    const [row] = await generateRows(source, texts.slice(0, 1), options)
    expect(row?.tokens).toEqual(found[name]?.made)
    // The longest row of a batch tells how far it reaches; a single beam is greedy.
    const [shorter, own] = await generateRows(source, [(texts[0] as number[]).slice(5), texts[0] as number[]], options)
    expect(own?.tokens).toEqual(row?.tokens)
    expect(shorter?.tokens).toHaveLength(NEW_TOKENS)
  })
})
