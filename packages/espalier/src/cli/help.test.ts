import { describe, expect, it } from 'vitest'
import { helpFor } from './help.js'
import { groupNames } from './option-groups.js'

describe('helpFor', () => {
  it('keeps the lines of train within the terminal, under headings, with every choice said', () => {
    const text = helpFor('train')
    const options = text.slice(text.indexOf('options (with')).split('\n')
    expect(Math.max(...options.map((line) => line.length))).toBeLessThanOrEqual(120)
    for (const group of groupNames) expect(text).toContain(`\n${group}:\n`)
    expect(text).toContain('warmup_stable_decay')
    expect(text.replace(/\s+/g, ' ')).toMatch(
      /gradient-checkpointing .*in Python true \(false without SFTTrainer\): results are the same/,
    )
    expect(text.match(/^ {2}--learning-rate /gm)).toHaveLength(1)
  })

  it('shows short lists without headings', () => {
    expect(helpFor('merge')).not.toContain('Optimisation')
  })
})
