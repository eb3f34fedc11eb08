/** `espalier train` for every head: the task and the labels that it finds, what it says, and adapters that `eval` and `predict` go on with. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { t5 } from '@espalier/models'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../tiny-model.fake.js'
import { runCli } from './run-cli.fake.js'
import { printed, T5, writeRows, writeTinyHead } from './tiny-heads.fake.js'

const folder = await temporaryFolder()
const at = (name: string) => join(folder.path, name)

const words = (...rows: readonly (readonly [string, unknown])[]) => rows.map(([text, label]) => ({ text, label }))
const sentiment = words(['so good', 'pos'], ['so bad', 'neg'], ['very good', 'pos'], ['very bad', 'neg'])

beforeAll(async () => {
  await writeTinyHead(at('bare'), 'FEATURE_EXTRACTION')
  await writeTinyHead(at('masked'), 'MASKED_LM')
  await writeTinyHead(at('writer'), 'SEQ_2_SEQ_LM')
  await writeTinyHead(
    at('bare writer'),
    'FEATURE_EXTRACTION',
    { architectures: ['T5Model'] },
    { family: t5, config: T5 },
  )
  writeRows(at('names.jsonl'), sentiment)
  writeRows(at('masks.jsonl'), [{ text: 'one two three four <|endoftext|>' }, { text: 'four three <|endoftext|> one' }])
})
afterAll(() => folder.remove())

const ON = ['--backend', 'reference']

/** Trains a few steps and evaluates at their end. */
function train(model: string, data: string, output: string, ...more: string[]) {
  const run = ['--max-steps', '4', '--eval-strategy', 'steps', '--eval-steps', '4', '--learning-rate', '0.02']
  const rows = ['--data', at(data), '--eval-data', at(data)]
  return runCli(['train', '--model', at(model), ...rows, '--output-dir', at(output), ...run, ...ON, ...more])
}

/** What `eval` measures with the adapter, and what `predict` says. */
async function used(model: string, data: string, adapter: string, ...more: string[]) {
  const given = ['--model', at(model), '--adapter', at(adapter), '--data', at(data), ...ON, '--quiet', ...more]
  const [measured, said] = await Promise.all([runCli(['eval', ...given, '--json']), runCli(['predict', ...given])])
  expect([measured.stderr, said.stderr]).toEqual(['', ''])
  return { measured: printed(measured.stdout)[0] as Record<string, number>, said: printed(said.stdout) }
}

const json = (...path: string[]) => JSON.parse(readFileSync(join(folder.path, ...path), 'utf8'))
const logged = (output: string) => printed(readFileSync(at(join(output, 'log.jsonl')), 'utf8')).at(-1)

describe('espalier train, on a checkpoint without a head', { timeout: 120_000 }, () => {
  it('finds a classifier and its labels by the rows, and keeps the head with the adapter', async () => {
    const done = await train('bare', 'names.jsonl', 'classifier')
    expect([done.code, done.stdout]).toEqual([0, ''])
    expect(done.stderr).toContain('task: SEQ_CLS, by rows with text, label; 2 labels: neg, pos')
    expect(done.stderr).toMatch(/rows: 4 kept, 0 dropped, 0 truncated .*\nlabels: neg 2, pos 2; 0 rows without any\n/)
    expect(done.stderr).toMatch(/example \(trained between .*\n.*so good.* → \[\[pos\]\]/)
    expect(done.stderr).toMatch(/step 4: evaluation loss .*, accuracy .*, f1 .*, matthews_correlation /)
    expect(done.stderr).not.toContain('perplexity')
    expect(done.stderr).toMatch(/not as in Python: .*logging_steps 1 \(500\)/)
    expect(done.stderr).not.toMatch(/not as in Python: .*learning_rate/) // given
    const config = json('classifier', 'adapter_config.json')
    expect(config).toMatchObject({ task_type: 'SEQ_CLS', modules_to_save: ['classifier', 'score'] })
    const { config: asked, supervision } = json('classifier', 'run.json')
    expect(Object.keys(asked)).not.toEqual(expect.arrayContaining(['packing']))
    expect(supervision[1]).toContain('labels: neg 2')
    expect(logged('classifier')).toMatchObject({ step: 4, eval_accuracy: expect.any(Number) })
    expect(readFileSync(at('classifier/report.html'), 'utf8')).toContain('<figcaption>accuracy</figcaption>')
    const { measured, said } = await used('bare', 'names.jsonl', 'classifier')
    expect(measured.eval_loss).toBeCloseTo(logged('classifier')?.eval_loss as number, 4)
    expect(said.map(({ label }) => ['neg', 'pos'].includes(label as string))).toEqual([true, true, true, true])
    const given = ['--model', at('bare'), '--adapter', at('classifier'), '--output-dir', at('merged')]
    expect((await runCli(['merge', ...given])).code).toBe(0)
    const merged = await runCli(['predict', '--model', at('merged'), '--data', at('names.jsonl'), ...ON])
    const scores = (lines: typeof said) => lines.map(({ score }) => expect.closeTo(score as number, 5))
    expect(printed(merged.stdout).map(({ score }) => score)).toEqual(scores(said))
  })

  it('learns numbers, and labels that may hold at once, which the adapter remembers', async () => {
    writeRows(at('numbers.jsonl'), words(['so good', 1.5], ['so bad', -2], ['good', 0.5]))
    const numbers = await train('bare', 'numbers.jsonl', 'regression')
    expect(numbers.stderr).toContain('task: SEQ_CLS, by rows with text, label; a number')
    expect(numbers.stderr).toContain('labels: numbers from -2 to 1.5, 0 on average')
    expect(numbers.stderr).toMatch(/evaluation loss .*, mse .*, pearson .*, spearman /)
    const regression = await used('bare', 'numbers.jsonl', 'regression')
    expect(regression.measured.eval_mse).toBeCloseTo(logged('regression')?.eval_mse as number, 4)
    expect(regression.said.some(({ score }) => (score as number) < 0 || (score as number) > 1)).toBe(true)

    writeRows(at('flags.jsonl'), words(['so good', [1, 0, 1]], ['so bad', [0, 1, 1]]))
    const flags = await train('bare', 'flags.jsonl', 'flags')
    expect(flags.stderr).toContain('3 labels, of which several may hold: LABEL_0, LABEL_1, LABEL_2')
    expect(flags.stderr).toContain('labels: LABEL_2 2, LABEL_0 1, LABEL_1 1; 0 rows without any')
    const several = await used('bare', 'flags.jsonl', 'flags')
    expect(several.measured.eval_f1).toBeCloseTo(logged('flags')?.eval_f1 as number, 4)
    const sums = several.said.map(({ scores }) =>
      Object.values(scores as Record<string, number>).reduce((sum, one) => sum + one, 0),
    )
    expect(sums.every((sum) => Math.abs(sum - 1) > 1e-3)).toBe(true) // each is by itself
  })

  it('labels words', async () => {
    writeRows(at('words.jsonl'), [
      { tokens: ['Ann', ' met', ' Bob'], ner_tags: ['B-PER', 'O', 'B-PER'] },
      { tokens: ['so', ' good'], ner_tags: ['O', 'O'] },
    ])
    const done = await train('bare', 'words.jsonl', 'tagger')
    expect(done.stderr).toContain('task: TOKEN_CLS, by rows with tokens, ner_tags; 2 labels: B-PER, O')
    expect(done.stderr).toMatch(/supervised tokens: 5 of \d+ \(.* %\), the first of each word\n/)
    expect(done.stderr).toMatch(/evaluation loss .*, accuracy .*, precision .*, recall .*, f1 /)
    const { measured, said } = await used('bare', 'words.jsonl', 'tagger')
    expect(measured.eval_loss).toBeCloseTo(logged('tagger')?.eval_loss as number, 4)
    expect(said[0]?.labels).toHaveLength(3)
  })

  it('finds answers', async () => {
    const answers = { text: ['cat'], answer_start: [4] }
    writeRows(at('squad.jsonl'), [{ question: 'who', context: 'the cat sat', answers }])
    const done = await train('bare', 'squad.jsonl', 'finder', '--doc-stride', '4')
    expect(done.stderr).toContain('task: QUESTION_ANS, by rows with question, context, answers\n')
    expect(done.stderr).toContain('answers: 1 of 1 windows have one, 0 rows have none\n')
    expect(done.stderr).toContain('who the [[cat]] sat')
    expect(done.stderr).toMatch(/evaluation loss .*, exact_match .*, f1 /)
    expect(json('finder', 'adapter_config.json').modules_to_save).toEqual(['qa_outputs'])
    const { measured, said } = await used('bare', 'squad.jsonl', 'finder', '--doc-stride', '4')
    expect(measured.eval_loss).toBeCloseTo(logged('finder')?.eval_loss as number, 4)
    expect(said[0]).toHaveProperty('answer')
  })

  it('asks for the task where the rows do not tell it, and trains what is named', async () => {
    writeRows(at('texts.jsonl'), [{ text: 'so good' }])
    const asked = await train('bare', 'texts.jsonl', 'none')
    expect([asked.code, asked.stderr]).toEqual([1, expect.stringMatching(/no head.*\nGive a --task-type\n/)])
    writeRows(at('same.jsonl'), words(['so good', 'pos'], ['good', 'pos']))
    const same = await train('bare', 'same.jsonl', 'none')
    expect([same.code, same.stderr]).toEqual([1, expect.stringMatching(/same label.*\n.*--num-labels\n/)])
    writeRows(at('gaps.jsonl'), words(['so good', 1], ['so bad', 3]))
    const gaps = await train('bare', 'gaps.jsonl', 'none', '--inspect-data')
    expect(gaps.stderr).toContain('; 4 labels: LABEL_0, LABEL_1, LABEL_2, LABEL_3\nnote: labels are taken as')
    const named = await train('bare', 'same.jsonl', 'three', '--num-labels', '3')
    const few = await train('bare', 'names.jsonl', 'few', '--num-labels', '1')
    expect([few.code, few.stderr]).toEqual([1, expect.stringContaining('data.row')])
    expect([named.code, named.stderr]).toEqual([0, expect.stringContaining('3 labels: pos, LABEL_1, LABEL_2')])
  })

  it('has one of a family that writes write, also with its adapter', async () => {
    writeRows(at('writing.jsonl'), [{ prompt: 'so good', completion: 'yes' }])
    const done = await train('bare writer', 'writing.jsonl', 'bare translator')
    expect([done.code, done.stderr]).toEqual([0, expect.stringContaining('task: SEQ_2_SEQ_LM, by what such models')])
    const asked = ['--model', at('bare writer'), '--prompt', 'so good', '--raw', '--max-new-tokens', '3', ...ON]
    for (const adapter of [[], ['--adapter', at('bare translator')]]) {
      const { code, stdout } = await runCli(['generate', ...asked, ...adapter, '--json'])
      expect([code, printed(stdout)]).toEqual([0, [expect.objectContaining({ text: expect.any(String) })]])
    }
  })

  it('takes the task of --peft-config, unless another is named', async () => {
    const file = at('peft.json')
    writeFileSync(file, JSON.stringify({ peft_type: 'LORA', r: 2, task_type: 'TOKEN_CLS' }))
    writeRows(at('both.jsonl'), [{ text: 'so', label: 'pos', tokens: ['so', ' good'], labels: ['O', 'B-PER'] }])
    const done = await train('masked', 'both.jsonl', 'of peft', '--peft-config', file)
    expect([done.code, done.stderr]).toEqual([0, expect.stringContaining('task: TOKEN_CLS; 2 labels: B-PER, O')])
    expect(json('of peft', 'adapter_config.json').task_type).toBe('TOKEN_CLS')
    const other = await train('masked', 'masks.jsonl', 'other', '--peft-config', file, '--task-type', 'MASKED_LM')
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('another task than the model is for')])
    const none = await train('bare', 'masks.jsonl', 'none', '--task-type', 'FEATURE_EXTRACTION')
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('no loss to train')])
  })
})

describe('espalier train, on a checkpoint with a head', { timeout: 120_000 }, () => {
  it('fills in masks of texts, and labels rows that have labels', async () => {
    const done = await train('masked', 'masks.jsonl', 'filler')
    expect(done.stderr).toContain('task: MASKED_LM, by BertForMaskedLM\n')
    expect(done.stderr).toContain('supervised tokens: about 15 % of')
    expect(done.stderr).toMatch(/evaluation loss .*, perplexity .*, accuracy /)
    expect(json('filler', 'adapter_config.json')).toMatchObject({
      task_type: null,
      auto_mapping: { base_model_class: 'BertForMaskedLM' },
    })
    const { measured, said } = await used('masked', 'masks.jsonl', 'filler')
    expect(measured.eval_loss).toBeCloseTo(logged('filler')?.eval_loss as number, 4)
    expect(said[0]).toHaveProperty('masks')
    const labelled = await train('masked', 'names.jsonl', 'labelled', '--inspect-data')
    expect(labelled.stderr).toContain('task: SEQ_CLS, by rows with text, label; 2 labels: neg, pos')
    const overruled = await train('masked', 'names.jsonl', 'overruled', '--inspect-data', '--task-type', 'MASKED_LM')
    expect(overruled.stderr).toContain('task: MASKED_LM\n')
  })

  it('writes one text for another', async () => {
    writeRows(at('pairs.jsonl'), [{ prompt: 'so good', completion: 'yes' }])
    const done = await train('writer', 'pairs.jsonl', 'translator')
    expect(done.stderr).toContain('task: SEQ_2_SEQ_LM, by T5ForConditionalGeneration\n')
    expect(done.stderr).toMatch(/supervised tokens: \d+ to write for \d+ that are read, 0 rows without any\n/)
    expect(done.stderr).toMatch(/so good.* → \[\[yes/)
    const given = ['--model', at('writer'), '--adapter', at('translator'), '--data', at('pairs.jsonl'), ...ON]
    const measured = printed((await runCli(['eval', ...given, '--json'])).stdout)[0]
    expect(measured?.eval_loss).toBeCloseTo(logged('translator')?.eval_loss as number, 4)
    const asked = ['--model', at('writer'), '--adapter', at('translator'), '--prompt', 'so good', '--raw', ...ON]
    const text = await runCli(['generate', ...asked, '--max-new-tokens', '3', '--json'])
    expect(printed(text.stdout)).toEqual([expect.objectContaining({ text: expect.any(String) })])
  })

  it('goes on with an adapter and its head, and from a checkpoint to the same bytes', async () => {
    const steps = ['--save-strategy', 'steps', '--save-steps', '2']
    const whole = await train('bare', 'names.jsonl', 'whole', ...steps)
    expect(whole.code).toBe(0)
    const half = await train('bare', 'names.jsonl', 'half', ...steps, '--resume', at('whole/checkpoint-2'))
    expect([half.code, half.stderr]).toEqual([0, expect.stringContaining('2 labels: neg, pos')])
    const bytes = (name: string) => readFileSync(at(`${name}/adapter_model.safetensors`))
    expect(bytes('half').equals(bytes('whole'))).toBe(true)
    const more = await train('bare', 'names.jsonl', 'more', '--adapter', at('whole'))
    expect([more.code, more.stderr]).toEqual([
      0,
      expect.stringContaining('task: SEQ_CLS, as the adapter; 2 labels: neg, pos'),
    ])
    expect(bytes('more').equals(bytes('whole'))).toBe(false)
  })

  it('trains all parameters, with labels in config.json', async () => {
    const done = await train('bare', 'names.jsonl', 'all', '--peft-type', 'none')
    expect(done.code).toBe(0)
    expect(json('all', 'config.json')).toMatchObject({
      architectures: ['BertForSequenceClassification'],
      id2label: { 0: 'neg', 1: 'pos' },
    })
    const again = await train('all', 'names.jsonl', 'again')
    expect(again.stderr).toContain('task: SEQ_CLS, by BertForSequenceClassification; 2 labels: neg, pos')
  })

  it('refuses options of another head', async () => {
    for (const option of ['--packing', '--doc-stride=4']) {
      const refused = await train('bare', 'names.jsonl', 'refused', option)
      expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('has no meaning for SEQ_CLS')])
    }
  })
})
