import { expect, it } from 'vitest'
import { nearest } from './nearest.js'

it('finds the name with the fewest edits', () => {
  expect(nearest('trian', ['merge', 'train', 'eval'])).toBe('train')
})
