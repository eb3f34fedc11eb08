/** Options that pack the base model: those of TRL's ModelConfig. */
import type { Option } from './option.js'

const TRAIN = ['train']

/** The options. */
export const quantizationOptions: readonly Option[] = [
  { name: 'load-in-4bit', type: 'boolean', commands: TRAIN, help: 'keeps the frozen weights in 4 bits (QLoRA)' },
  { name: 'load-in-8bit', type: 'boolean', commands: TRAIN, help: 'keeps the frozen weights in 8 bits' },
  {
    name: 'bnb-4bit-quant-type',
    type: 'text',
    commands: TRAIN,
    help: 'what codes of 4 bits stand for',
    default: 'nf4',
    choices: ['nf4', 'fp4'],
  },
  {
    name: 'use-bnb-nested-quant',
    type: 'boolean',
    commands: TRAIN,
    help: 'packs the scales of 4-bit weights too: 4.13 bits a weight in place of 4.5',
  },
]
