/** Heads that `espalier train` trained: real PEFT opens each adapter on its base, a checkpoint without that head, and says what is said here. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { reference, type TaskType } from '@espalier/core'
import { distilbert } from '@espalier/models'
import { AutoPeftModel } from 'espalier'
import { runCli } from 'espalier/cli/run-cli.fake.js'
import { writeRows, writeTinyHead } from 'espalier/cli/tiny-heads.fake.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { logitsOf } from './our-side.js'
import { inputIds } from './plan.js'

const { ESPALIER_PYTHON: python, ESPALIER_MODELS: models, ESPALIER_DATA: data } = process.env
if (python === undefined) console.log('ESPALIER_PYTHON is not set: heads of the command line were not opened in PEFT')
if (models === undefined || data === undefined)
  console.log('ESPALIER_MODELS or ESPALIER_DATA is not set: MiniLM was not trained from the command line')

const LOGITS = 1e-4 // float32 on both sides, sums in another order
const PATIENCE_MS = 15 * 60_000 // importing PyTorch on a busy machine takes long

interface Case {
  readonly name: string
  readonly task: TaskType
  readonly base: string
  readonly labels: number | null
  readonly rows: readonly object[]
  readonly options?: readonly string[]
}

const answers = { text: ['cat'], answer_start: [4] }
const texts = (...labels: readonly unknown[]) => labels.map((label, i) => ({ text: `so ${i} good`, label }))

const cases: readonly Case[] = [
  { name: 'one label', task: 'SEQ_CLS', base: 'bare', labels: 3, rows: texts('a', 'b', 'c') },
  { name: 'a number', task: 'SEQ_CLS', base: 'bare', labels: 1, rows: texts(0.5, -2) },
  { name: 'labels at once', task: 'SEQ_CLS', base: 'bare', labels: 3, rows: texts([1, 0, 1], [0, 1, 1]) },
  {
    name: 'a head of two layers',
    task: 'SEQ_CLS',
    base: 'distilbert',
    labels: 2,
    rows: texts('a', 'b'),
    options: ['--lora-target-modules', 'q_lin', 'v_lin'],
  },
  { name: 'words', task: 'TOKEN_CLS', base: 'bare', labels: 2, rows: [{ tokens: ['a', ' b'], labels: ['O', 'B-X'] }] },
  {
    name: 'answers',
    task: 'QUESTION_ANS',
    base: 'bare',
    labels: null,
    rows: [{ question: 'who', context: 'the cat sat', answers }],
    options: ['--doc-stride', '4'],
  },
  { name: 'masks', task: 'MASKED_LM', base: 'masked', labels: null, rows: [{ text: 'one two three four' }] },
  {
    name: 'one text for another',
    task: 'SEQ_2_SEQ_LM',
    base: 'writer',
    labels: null,
    rows: [{ prompt: 'so good', completion: 'yes' }],
  },
]

const DISTILBERT = {
  model_type: 'distilbert',
  architectures: ['DistilBertModel'],
  vocab_size: 600,
  dim: 16,
  hidden_dim: 24,
  n_layers: 1,
  n_heads: 2,
  max_position_embeddings: 32,
}

describe.runIf(python !== undefined)('heads that espalier train trained, in PEFT (needs ESPALIER_PYTHON)', () => {
  const ours = new Map<string, Float32Array>()
  let work = ''
  let found: Readonly<Record<string, { readonly logits: readonly number[]; readonly warnings: readonly string[] }>> = {}
  const at = (name: string) => join(work, name)
  const withReal = models !== undefined && data !== undefined
  const minilm = join(models ?? '', 'minilm-l6')
  const real = { name: 'MiniLM', task: 'SEQ_CLS', base: minilm, labels: 2 } as const

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'espalier-heads-'))
    await writeTinyHead(at('bare'), 'FEATURE_EXTRACTION')
    await writeTinyHead(at('masked'), 'MASKED_LM')
    await writeTinyHead(at('writer'), 'SEQ_2_SEQ_LM')
    await writeTinyHead(at('distilbert'), 'FEATURE_EXTRACTION', {}, { family: distilbert, config: DISTILBERT })
    for (const each of cases) {
      writeRows(at('rows.jsonl'), each.rows)
      const options = ['--backend', 'reference', '--learning-rate', '0.05', '--max-steps', '4', ...(each.options ?? [])]
      await train(each.name, at(each.base), at('rows.jsonl'), options)
      ours.set(each.name, await logits(each.name, at(each.base)))
    }
    if (withReal) {
      const rows = join(data, 'glue/SST-2/train.tsv')
      const [header = '', ...lines] = (await readFile(rows, 'utf8')).split('\n')
      await writeFile(at('sst2.tsv'), [header, ...lines.slice(0, 32)].join('\n'))
      const options = ['--text-field', 'sentence', '--max-steps', '3', '--lora-target-modules', 'query', 'value']
      await train(real.name, minilm, at('sst2.tsv'), options)
      ours.set(real.name, await logits(real.name, minilm))
    }
    found = await runPython()
  }, PATIENCE_MS)

  afterAll(async () => {
    if (work !== '') await rm(work, { recursive: true, force: true })
  })

  async function train(name: string, base: string, rows: string, options: readonly string[]): Promise<void> {
    const { code, stderr } = await runCli([
      ...['train', '--model', base, '--data', rows, '--output-dir', at(`adapter ${name}`), '--quiet'],
      ...options,
    ])
    if (code !== 0) throw new Error(`${name}: ${stderr}`)
  }

  async function logits(name: string, base: string): Promise<Float32Array> {
    const backend = reference()
    await using model = await AutoPeftModel.fromPretrained(at(`adapter ${name}`), { base, backend })
    return await logitsOf(model.adapted, backend) // before the model closes
  }

  async function runPython(): Promise<typeof found> {
    const tiny = cases.map(({ name, task, base, labels }) => ({ name, task, base: at(base), labels }))
    const all = [...tiny, ...(withReal ? [real] : [])]
    const plan = { inputIds, cases: all.map((each) => ({ ...each, adapter: at(`adapter ${each.name}`) })) }
    await writeFile(at('plan.json'), JSON.stringify(plan))
    const script = fileURLToPath(new URL('./trained_heads_side.py', import.meta.url))
    await promisify(execFile)(python ?? '', [script, at('plan.json'), at('result.json')], { timeout: PATIENCE_MS })
    return JSON.parse(await readFile(at('result.json'), 'utf8')) as typeof found
  }

  it.each(cases)('$name ($task on $base)', ({ name }) => agrees(name))

  it.runIf(withReal)('MiniLM after three steps of SST-2 (needs ESPALIER_MODELS and ESPALIER_DATA)', () =>
    agrees(real.name),
  )

  function agrees(name: string): void {
    expect(found[name]?.warnings).toEqual([])
    expect(distance(ours.get(name), found[name]?.logits)).toBeLessThan(LOGITS)
  }
})

function distance(a: ArrayLike<number> | undefined, b: ArrayLike<number> | undefined): number {
  if (a === undefined || b === undefined || a.length !== b.length) return Number.POSITIVE_INFINITY
  return Array.from(a).reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b[i] as number))), 0)
}
