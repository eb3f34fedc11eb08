import { describe, expect, it } from 'vitest'
import { entitiesOf, entityScores } from './entities.js'

describe('entities', () => {
  // As seqeval's get_entities tells in its documentation and tests.
  it('begin at B, go on at I of the same kind, and begin at an I that fits nowhere', () => {
    expect(entitiesOf(['B-PER', 'I-PER', 'O', 'B-LOC'])).toEqual([
      { kind: 'PER', first: 0, last: 1 },
      { kind: 'LOC', first: 3, last: 3 },
    ])
    expect(entitiesOf(['I-PER', 'I-LOC', 'B-LOC', 'I-LOC'])).toEqual([
      { kind: 'PER', first: 0, last: 0 },
      { kind: 'LOC', first: 1, last: 1 },
      { kind: 'LOC', first: 2, last: 3 },
    ])
    expect(entitiesOf(['B', 'I', 'O', 'I'])).toEqual([
      { kind: '_', first: 0, last: 1 },
      { kind: '_', first: 3, last: 3 },
    ])
    expect(entitiesOf(['O', 'O'])).toEqual([])
    expect(entitiesOf(['S-A', 'S-A', 'B-A', 'E-A', 'I-A'])).toHaveLength(4)
  })

  it('are right where kind and words are', () => {
    const want = [
      ['O', 'O', 'O', 'B-MISC', 'I-MISC', 'I-MISC', 'O'],
      ['B-PER', 'I-PER', 'O'],
    ]
    const got = [
      ['O', 'O', 'B-MISC', 'I-MISC', 'I-MISC', 'I-MISC', 'O'],
      ['B-PER', 'I-PER', 'O'],
    ]
    expect(entityScores(got, want)).toEqual({ precision: 0.5, recall: 0.5, f1: 0.5 })
    expect(entityScores([['O']], [['O']])).toEqual({ precision: 0, recall: 0, f1: 0 })
  })
})
