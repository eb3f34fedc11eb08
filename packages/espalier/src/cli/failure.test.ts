import { EspalierError } from '@espalier/core'
import { expect, it } from 'vitest'
import { asOptions, describeFailure } from './failure.js'

it('names options as the command line spells them, and leaves paths, quoted values and unknown words alone', () => {
  expect(asOptions('Name the columns: promptField and completionField.')).toBe(
    'Name the columns: --prompt-field and --completion-field.',
  )
  expect(asOptions('Raise maxLength')).toBe('Raise --max-length')
  expect(asOptions('in /data/maxLength/rows.jsonl, "maxLength", camelCase')).toBe(
    'in /data/maxLength/rows.jsonl, "maxLength", camelCase',
  )
})

it('leaves out details that are null', () => {
  const error = new EspalierError('target.none', {
    what: 'nothing matches',
    got: { targetModules: ['nope'], excludeModules: null },
    fix: 'Check targetModules.',
  })
  const text = describeFailure(error).lines.join('\n')
  expect(text).not.toContain('null')
  expect(text).toContain('--lora-target-modules')
  expect(asOptions('must be a number (totalStep=null). Set it')).toBe('must be a number. Set it')
  expect(asOptions('wrong (a=null, b=2, c=null)')).toBe('wrong (b=2)')
})

it('tells what mends a kind of error where the error itself does not, and never to look at a stack', () => {
  const error = new EspalierError('config.value', { what: 'r must be above 0', got: { r: 0 } })
  expect(describeFailure(error).lines).toEqual([
    'error: r must be above 0 (r=0).',
    'Use a value in the range that the message names.',
    'code: config.value',
  ])
  expect(describeFailure(new TypeError('x is not a function')).lines[1]).toContain('report it')
})
