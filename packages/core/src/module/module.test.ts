import { describe, expect, it } from 'vitest'
import { hostTensor } from '../dtype.js'
import { namedIn } from './module.js'
import { Parameter } from './parameter.js'
import { memorySource } from './scope.js'

const names = (field: string, paths: readonly string[]) =>
  namedIn(
    field,
    paths.map((path) => new Parameter(path, 'f32', [], memorySource(hostTensor('f32', [])))),
  ).map(({ name }) => name)

describe('namedIn', () => {
  it('calls one parameter as its field, and several as files name them below the module', () => {
    expect(names('weight', ['model.embed_tokens.weight'])).toEqual(['weight'])
    expect(names('weight', ['m.q.weight', 'm.q.SCB'])).toEqual(['weight', 'SCB'])
    expect(names('weight', ['m.q.weight', 'm.q.weight.absmax'])).toEqual(['weight', 'weight.absmax'])
    expect(names('weight', ['m.q.weight.absmax', 'm.q.weight.codes'])).toEqual(['weight.absmax', 'weight.codes'])
    expect(names('weight', ['m.q.qweight', 'm.q.scales'])).toEqual(['qweight', 'scales'])
    expect(names('weight', ['weight', 'weight_scale'])).toEqual(['weight', 'weight_scale'])
  })
})
