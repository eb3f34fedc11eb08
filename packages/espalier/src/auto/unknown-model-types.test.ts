/** What the Auto classes say of models that people have and no architecture here reads. */
import { describe, expect, it } from 'vitest'
import {
  AutoModel,
  AutoModelForCausalLM,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
} from './auto-model.js'

const filesOf = (config: object) => new Map([['config.json', new Blob([JSON.stringify(config)])]])

describe('AutoModel and its relatives', () => {
  it.each([
    ['layoutlm', 'bert'],
    ['blip-2', 'opt'],
    ['gemma3', 'gemma3_text'],
    ['chatglm', 'glm'],
  ])('name the nearest type that is supported in the place of %s', async (model_type, nearest) => {
    const source = filesOf({ model_type })
    for (const each of [
      AutoModel,
      AutoModelForCausalLM,
      AutoModelForSequenceClassification,
      AutoModelForTokenClassification,
    ])
      await expect(each.fromPretrained(source)).rejects.toMatchObject({
        code: 'plugin.unknown',
        details: { modelType: model_type, nearest },
      })
  })

  it('never run code of a repository, and say so', async () => {
    const auto_map = { AutoConfig: 'configuration_chatglm.ChatGLMConfig', AutoModel: 'modeling_chatglm.ChatGLMModel' }
    const code = new Blob(['raise SystemExit("ran")'])
    const source = new Map([...filesOf({ model_type: 'chatglm', auto_map }), ['modeling_chatglm.py', code] as const])
    await expect(AutoModelForCausalLM.fromPretrained(source)).rejects.toMatchObject({
      code: 'model.code',
      details: { modelType: 'chatglm', nearest: 'glm', autoMap: ['AutoConfig', 'AutoModel'] },
      message: expect.stringContaining('never run'),
    })
  })
})
