import { describe, expect, it } from 'vitest'
import { hubReference, parseHubReference, referenceOfPage } from './repository.js'

describe('parseHubReference', () => {
  it.each([
    ['me/model', { repository: 'me/model', revision: 'main' }],
    ['gpt2', { repository: 'gpt2', revision: 'main' }],
    [
      'HuggingFaceTB/SmolLM2-135M-Instruct@v1.0',
      { repository: 'HuggingFaceTB/SmolLM2-135M-Instruct', revision: 'v1.0' },
    ],
    ['me/model@refs/pr/1', { repository: 'me/model', revision: 'refs/pr/1' }],
  ])('reads %s', (text, expected) => {
    expect(parseHubReference(text)).toEqual(expected)
  })

  it.each([
    '',
    './x',
    '../x',
    '/x/y',
    'a/b/c',
    'a/b@',
    'a/b@../x',
    'a/b@x//y',
    'a b',
    'a\\b',
    'a/..',
    'C:/x',
    'a--b/c',
    'me/model.git',
  ])('refuses %j', (text) => {
    expect(parseHubReference(text)).toBeUndefined()
    expect(() => hubReference(text)).toThrow(expect.objectContaining({ code: 'source.unknown' }))
  })
})

describe('referenceOfPage', () => {
  it('reads the addresses of pages under the endpoint only', () => {
    const read = (address: string, endpoint = 'https://huggingface.co') => referenceOfPage(new URL(address), endpoint)
    expect(read('https://huggingface.co/me/model')).toEqual({ repository: 'me/model', revision: 'main' })
    expect(read('https://huggingface.co/me/model/tree/refs/pr/1/')).toEqual({
      repository: 'me/model',
      revision: 'refs/pr/1',
    })
    expect(read('http://mirror/hf/me/model', 'http://mirror/hf')).toEqual({ repository: 'me/model', revision: 'main' })
    expect(read('https://huggingface.co/me/model/blob/main/x')).toBeUndefined()
    expect(read('https://example.org/me/model')).toBeUndefined()
  })
})
