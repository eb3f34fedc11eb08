import { describe, expect, it } from 'vitest'
import { isBypassed } from './proxy-fetch.js'

describe('isBypassed', () => {
  it.each([
    ['https://huggingface.co', undefined, false],
    ['https://huggingface.co', 'example.org', false],
    ['https://huggingface.co', '*', true],
    ['https://huggingface.co', 'example.org, huggingface.co', true],
    ['https://cdn.huggingface.co', '.huggingface.co', true],
    ['https://cdn.huggingface.co', 'HuggingFace.co', true],
    ['https://nothuggingface.co', 'huggingface.co', false],
    ['http://127.0.0.1:8080', '127.0.0.1:8080', true],
    ['http://127.0.0.1:8080', '127.0.0.1:80', false],
  ])('%s with NO_PROXY=%s: %s', (target, list, expected) => {
    expect(isBypassed(new URL(target), list)).toBe(expected)
  })
})
