import { reference } from '@espalier/core'
import { mixtral } from '@espalier/models'
import { expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { TINY_CONFIG, tinyModelFiles } from '../tiny-model.fake.js'
import { differencesOf } from './train-lines.js'
import { Values } from './values.js'

const { num_labels: _, ...BASE } = TINY_CONFIG
const EXPERTS = { num_local_experts: 3, num_experts_per_tok: 2 }
const MIXTRAL = { ...BASE, model_type: 'mixtral', architectures: ['MixtralForCausalLM'], ...EXPERTS }

it('tells where TRL would add another loss of routing than config.json says', async () => {
  const told = async (changes: object) => {
    const files = await tinyModelFiles('CAUSAL_LM', { family: mixtral, config: { ...MIXTRAL, ...changes } })
    await using model = await AutoModelForCausalLM.fromPretrained(files, { backend: reference() })
    return differencesOf(new Values(new Map(), [], []), model).router_aux_loss_coef
  }
  expect(await told({})).toMatchObject({ here: '0', python: '0.001' })
  expect(await told({ output_router_logits: true, router_aux_loss_coef: 0.02 })).toMatchObject({ here: '0.02' })
  expect(await told({ output_router_logits: true })).toBeUndefined()
  const files = await tinyModelFiles('CAUSAL_LM')
  await using dense = await AutoModelForCausalLM.fromPretrained(files, { backend: reference() })
  expect(differencesOf(new Values(new Map(), [], []), dense)).not.toHaveProperty('router_aux_loss_coef')
})
