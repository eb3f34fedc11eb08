import { describe, expect, it } from 'vitest'
import { UsageError } from './failure.js'
import { helpFor } from './help.js'
import { options } from './options.js'
import { parseRecord, parseWords } from './parse.js'

const train = (...words: string[]) => parseWords('train', words)
const value = (name: string, ...words: string[]) => train(...words).values.get(name)
const refusal = (run: () => unknown): UsageError => {
  try {
    run()
  } catch (error) {
    if (error instanceof UsageError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('parseWords', () => {
  it('reads names with - or _, values after a space or =, and TRL’s own spellings', () => {
    expect(value('lora-r', '--lora-r', '4')).toBe(4)
    expect(value('lora-r', '--lora_r=4')).toBe(4)
    expect(value('learning-rate', '--learning_rate', '1e-3')).toBe(0.001)
    expect(value('max-steps', '--max-steps', '-1')).toBe(-1)
    expect(value('model', '--model_name_or_path', 'a/b')).toBe('a/b')
    expect(value('modules-to-save', '--lora_modules_to_save', 'lm_head')).toEqual(['lm_head'])
    expect(value('max-length', '--max_seq_length', '64')).toBe(64)
  })

  it('takes false of a file for the choice that is called no', () => {
    expect(parseRecord('train', { eval_strategy: false }).values.get('eval-strategy')).toBe('no')
    expect(refusal(() => parseRecord('train', { bias: false })).message).toContain('is one of')
  })

  it('reads mappings as JSON, and refuses what is nested without end', () => {
    expect(value('lr-scheduler-kwargs', '--lr-scheduler-kwargs', '{"power": 2}')).toEqual({ power: 2 })
    for (const text of [`{"a":${'['.repeat(1e5)}${']'.repeat(1e5)}}`, '[1]', '{"a":1,"a":2}']) {
      const { message } = refusal(() => train('--lr-scheduler-kwargs', text))
      expect(message).toMatch(/^--lr-scheduler-kwargs is a mapping/)
      expect(message.length).toBeLessThan(300)
    }
  })

  it('reads booleans bare or as true and false, without eating the word after', () => {
    expect(value('use-rslora', '--use-rslora')).toBe(true)
    expect(value('use-rslora', '--use_rslora', 'False')).toBe(false)
    expect(parseWords('inspect', ['--tensors', 'out'], 1)).toMatchObject({ positional: ['out'] })
    expect(refusal(() => train('--use-rslora=maybe')).message).toBe('--use-rslora is true or false, not maybe')
  })

  it('reads lists with spaces or commas, and tells names from a pattern', () => {
    const names = ['q_proj', 'v_proj']
    for (const words of [['q_proj', 'v_proj'], ['q_proj,v_proj'], ['q_proj, v_proj'], ['q_proj v_proj']])
      expect(value('lora-target-modules', '--lora-target-modules', ...words)).toEqual(names)
    expect(value('lora-target-modules', '--lora-target-modules', 'all-linear')).toBe('all-linear')
    expect(value('lora-target-modules', '--lora-target-modules', '.*\\.(q|v)_proj')).toBe('.*\\.(q|v)_proj')
    expect(value('data', '--data', 'a.jsonl', 'b.jsonl', '--data', 'c.jsonl')).toEqual([
      'a.jsonl',
      'b.jsonl',
      'c.jsonl',
    ])
  })

  it('names the nearest option, and where an option belongs', () => {
    expect(refusal(() => train('--lerning-rate', '1')).fix).toBe('Did you mean --learning-rate?')
    expect(refusal(() => train('--use_rlsora')).fix).toBe('Did you mean --use-rslora?')
    expect(refusal(() => parseWords('eval', ['--lora-r', '4'])).message).toBe('eval takes no --lora-r')
    expect(refusal(() => train('-m', 'x')).message).toBe('no option is called --m')
    expect(refusal(() => train('out')).message).toContain('"out"')
  })

  it('refuses an empty text for every option but the prompt, and as the word of a command', () => {
    const named = options.filter(({ type, planned, noEffect }) => /^(?:text|each)/.test(type) && !planned && !noEffect)
    expect(named.map(({ name }) => name)).toEqual(expect.arrayContaining(['output-dir', 'model', 'data', 'resume']))
    for (const { name, type, commands } of named) {
      if (name === 'prompt' || type === 'texts-or-text') continue
      for (const command of commands)
        for (const given of [[`--${name}`, ''], [`--${name}=`]])
          expect(refusal(() => parseWords(command, given)).message).toBe(`--${name} was given an empty text`)
    }
    expect(refusal(() => parseRecord('train', { output_dir: '' })).message).toContain('--output-dir')
    expect(refusal(() => parseWords('push', ['', 'owner/name'], 2)).message).toContain('push')
    expect(parseWords('generate', ['--prompt', '']).values.get('prompt')).toEqual([''])
    expect(parseWords('generate', ['--prompt', 'a', '--prompt', 'b c']).values.get('prompt')).toEqual(['a', 'b c'])
  })

  it('refuses values of another kind', () => {
    expect(refusal(() => train('--lora-r', 'many')).message).toBe('--lora-r is a whole number, at least 1, not many')
    expect(refusal(() => train('--lora-r', '1.5')).message).toBe('--lora-r is a whole number, at least 1, not 1.5')
    expect(refusal(() => train('--lora-r')).message).toBe('--lora-r needs a value')
    expect(refusal(() => train('--optim', 'lion')).message).toContain('one of')
    expect(refusal(() => train('--lr-scheduler-kwargs', '[1]')).message).toContain('is a mapping')
  })

  it('says of a flag without its feature that it does not exist yet, unless it is off', () => {
    expect(refusal(() => train('--use-dora')).message).toContain('does not exist yet')
    expect(train('--use_dora', 'false', '--loss_type=nll').values.size).toBe(0)
    expect(refusal(() => train('--neftune_noise_alpha', '5')).message).toContain('does not exist yet')
  })

  it('notes once what is only Python’s', () => {
    expect(train('--bf16', '--report_to', 'none').notes).toEqual([
      '--bf16 has no effect: the CPU computes in float32',
      '--report-to has no effect: log.jsonl and report.html are written; other trackers are plugins',
    ])
    expect(train('--bf16', 'false').notes).toEqual([])
  })
})

describe('parseRecord', () => {
  it('reads values, lists and mappings of a config file', () => {
    const { values, notes } = parseRecord('train', {
      lora_r: 4,
      use_rslora: true,
      lora_target_modules: ['q_proj', 'v_proj'],
      lr_scheduler_kwargs: { num_cycles: 2 },
      gradient_checkpointing_kwargs: { use_reentrant: false },
      eval_steps: null,
      max_length: null,
    })
    expect(Object.fromEntries(values)).toEqual({
      'lora-r': 4,
      'use-rslora': true,
      'lora-target-modules': ['q_proj', 'v_proj'],
      'lr-scheduler-kwargs': { num_cycles: 2 },
      'max-length': 0,
    })
    expect(notes).toEqual([
      'gradient_checkpointing_kwargs has no effect: what a layer computes is made again as part of the graph, in one way',
    ])
  })

  it('answers a key in camelCase with its name in files', () => {
    for (const [key, ours] of [
      ['loraAlpha', 'lora_alpha'],
      ['learningRate', 'learning_rate'],
      ['reportTo', 'report_to'],
      ['modelNameOrPath', 'model_name_or_path'],
    ] as const)
      expect(refusal(() => parseRecord('train', { [key]: 4 }))).toMatchObject({ fix: `Write ${ours}` })
    expect(refusal(() => parseRecord('train', { loraAlfa: 4 })).fix).toBe('Did you mean --lora-alpha?')
  })

  it('says of a key of TRL whose place is config.json what holds here', () => {
    const { notes } = parseRecord('train', { router_aux_loss_coef: 0.001 })
    expect(notes).toEqual([expect.stringContaining('config.json says whether the loss of routing is added')])
  })

  it('refuses an unknown key with the nearest name', () => {
    expect(refusal(() => parseRecord('train', { lora_rank: 4 })).fix).toBe('Did you mean --lora-r?')
  })
})

describe('options', () => {
  it('have each name once', () => {
    const names = options.flatMap(({ name, aliases = [] }) => [name, ...aliases.map((a) => a.replaceAll('_', '-'))])
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
  })

  it('are all in the help of their commands', () => {
    for (const { name, commands, noEffect, help } of options)
      if (noEffect === undefined && help !== '')
        for (const command of commands) expect(helpFor(command)).toContain(`--${name}`)
  })
})

describe('numbers', () => {
  const refused = (name: string, text: string, command = 'train') =>
    refusal(() => parseWords(command, [`--${name}=${text}`])).message

  it('are finite and within the range of their option, which the message names', () => {
    expect(refused('per-device-train-batch-size', '0')).toBe(
      '--per-device-train-batch-size is a whole number, at least 1, not 0',
    )
    expect(refused('max-length', '0')).toBe('--max-length is a whole number, at least 1, not 0')
    expect(refused('lora-dropout', '1')).toBe('--lora-dropout is a number, at least 0 and below 1, not 1')
    expect(refused('top-p', '0', 'generate')).toBe('--top-p is a number, above 0 and at most 1, not 0')
  })

  it('are refused when they make no sense, for every option that takes one', () => {
    for (const { name, type, commands, planned, noEffect } of options) {
      if ((type !== 'number' && type !== 'whole') || planned !== undefined || noEffect !== undefined) continue
      const texts = [
        'NaN',
        'Infinity',
        '-Infinity',
        '1e400',
        'x',
        ' ',
        '1,5',
        ...(name === 'length-penalty' || name === 'null-score-diff-threshold' ? [] : ['-2']),
        ...(type === 'whole' ? ['0.5', '1e17'] : []),
      ]
      for (const text of texts) expect(refused(name, text, commands[0])).toContain(`--${name} is a`)
    }
  })

  it('may lie at the ends of their ranges', () => {
    const words = ['--max-steps=-1', '--seed=4294967295', '--lora-dropout=0', '--warmup-ratio=1', '--learning-rate=0']
    expect(() => parseWords('train', words)).not.toThrow()
    expect(parseWords('train', ['--max-length', 'none']).values.get('max-length')).toBe(0)
  })
})
