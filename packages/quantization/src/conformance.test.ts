import { checkQuantizer } from '@espalier/testkit'
import { describe, test } from 'vitest'
import { bitsandbytes, int8 } from './index.js'

const layers = {
  linear: { kind: 'linear', shape: [48, 64] },
  conv1d: { kind: 'conv1d', shape: [64, 48] },
  embedding: { kind: 'embedding', shape: [20, 64] },
  'odd sizes': { kind: 'linear', shape: [33, 35] },
} as const
const wide = { linear: { kind: 'linear', shape: [24, 128] } } as const

describe('nf4', () => checkQuantizer(bitsandbytes({ loadIn4bit: true, bnb4bitQuantType: 'nf4' }), { test }))
describe('nf4 with packed scales', () =>
  checkQuantizer(bitsandbytes({ loadIn4bit: true, bnb4bitQuantType: 'nf4', bnb4bitUseDoubleQuant: true }), { test }))
describe('fp4', () => checkQuantizer(bitsandbytes({ loadIn4bit: true }), { test }))
describe('LLM.int8()', () => checkQuantizer(bitsandbytes({ loadIn8bit: true }), { test }))
describe('int8 by row', () => checkQuantizer(int8(), { test, sites: layers }))
describe('int8 by tensor', () => checkQuantizer(int8({ granularity: 'tensor' }), { test, sites: layers }))
describe('int8 by row with zero points', () => checkQuantizer(int8({ scheme: 'zeropoint' }), { test, sites: layers }))
describe('int8 by group with zero points', () =>
  checkQuantizer(int8({ scheme: 'zeropoint', granularity: 'group', groupSize: 32 }), { test, sites: wide }))
