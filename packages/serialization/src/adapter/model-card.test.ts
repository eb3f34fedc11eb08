import { describe, expect, it } from 'vitest'
import { modelCard } from './model-card.js'

const facts = { baseModel: 'me/base', peftType: 'LORA', taskType: 'CAUSAL_LM', peftVersion: '0.21.0' }
const head = (card: string) => card.split('---\n')[1]

describe('modelCard', () => {
  it('has the front matter and the end that PEFT writes', () => {
    const card = modelCard(facts)
    expect(head(card)).toBe(
      'base_model: me/base\nlibrary_name: peft\npipeline_tag: text-generation\ntags:\n- base_model:adapter:me/base\n- lora\n- transformers\n',
    )
    expect(card.endsWith('\n### Framework versions\n\n- PEFT 0.21.0')).toBe(true)
  })

  it('leaves out what is not known', () => {
    const card = modelCard({ ...facts, baseModel: null, peftType: 'IA3', taskType: null })
    expect(head(card)).toBe('library_name: peft\ntags:\n- transformers\n')
  })

  it('quotes names that YAML would read as something else', () => {
    expect(head(modelCard({ ...facts, baseModel: '/a b/c' }))).toContain('base_model: "/a b/c"\n')
    expect(head(modelCard({ ...facts, baseModel: '123' }))).toContain('base_model: "123"\n')
  })

  it('lets no name leave its place, and quotes it once', () => {
    const baseModel = 'a"b`c\n---\n# Approved <b>\u202e\u0085'
    const card = modelCard({ ...facts, baseModel })
    expect(card.split('\n').filter((line) => line === '---')).toHaveLength(2)
    expect(card).not.toMatch(/^# Approved/m)
    expect(card).not.toMatch(/[\u202e\u0085]/)
    expect(modelCard({ ...facts, baseModel }, card)).toBe(card)
  })

  it('keeps an existing card and updates what PEFT updates', () => {
    const old =
      '---\nlicense: mit\nbase_model:\n- old/base\ntags: [mine, "lora"]\nmetrics:\n  - a: 1\n---\n# Mine\n\nText.\n### Framework versions\n\n- PEFT 0.10.0\n- Torch 2\n'
    expect(modelCard(facts, old)).toBe(
      '---\nlicense: mit\nbase_model: me/base\ntags:\n- base_model:adapter:me/base\n- lora\n- mine\n- transformers\nmetrics:\n  - a: 1\nlibrary_name: peft\npipeline_tag: text-generation\n---\n# Mine\n\nText.\n### Framework versions\n\n- PEFT 0.21.0\n- Torch 2\n',
    )
  })

  it('changes nothing the second time, and accepts a card without front matter', () => {
    const once = modelCard(facts, '# Mine\n')
    expect(once).toContain('# Mine')
    expect(modelCard(facts, once)).toBe(once)
    expect(modelCard(facts, modelCard(facts))).toBe(modelCard(facts))
  })
})
