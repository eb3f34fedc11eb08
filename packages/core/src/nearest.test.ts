import { expect, it } from 'vitest'
import { didYouMean, nearest } from './nearest.js'

it('finds the name with the fewest edits', () => {
  expect(nearest('trian', ['merge', 'train', 'eval'])).toBe('train')
  expect(nearest('loraAlfa', ['r', 'loraAlpha', 'loraDropout'])).toBe('loraAlpha')
  expect(nearest('CAUSAL_LMX', ['SEQ_2_SEQ_LM', 'CAUSAL_LM'])).toBe('CAUSAL_LM')
})

it('finds the name in another case, and by its end', () => {
  expect(nearest('learning_rate', ['seed', 'learningRate'])).toBe('learningRate')
  expect(nearest('--max-length', ['max_length'])).toBe('max_length')
  expect(nearest('alpha', ['r', 'loraAlpha', 'loraDropout'])).toBe('loraAlpha')
})

it('finds nothing where nothing is near', () => {
  const options = ['seed', 'optim', 'evalSteps', 'saveSteps', 'maxLength']
  for (const far of ['bf16', 'fp16', 'packing', 'x', '', 'gradient_checkpointing'])
    expect(nearest(far, options)).toBeUndefined()
  expect(nearest('seed', [])).toBeUndefined()
})

it('says what to do', () => {
  expect(didYouMean('sed', ['seed', 'stop'])).toBe('Did you mean seed?')
  expect(didYouMean('bf16', ['seed', 'stop'])).toBe('Leave it out, or use one of seed, stop')
  expect(didYouMean('bf16', ['seed'], 'See --help')).toBe('See --help')
})
