import { reference } from '@espalier/core'
import { lora } from '@espalier/lora'
import { expect, it } from 'vitest'
import { AutoModelForCausalLM } from '../auto/auto-model.js'
import { getPeftModel } from '../model/peft-model.js'
import { tinyModelFiles } from '../tiny-model.fake.js'
import { commandToGoOn } from './go-on.js'

const given =
  '--model_name_or_path base --data a.jsonl b.jsonl --output-dir=no-such-out --lora-r 4 --peft-type lora'.split(' ')
const steps = ['--max-steps', '10', '--num_train_epochs', '3', '--overwrite-output-dir', '--quiet', '--seed=7']

it('names every option once and goes to the same end', async () => {
  await using base = await AutoModelForCausalLM.fromPretrained(await tinyModelFiles(), { backend: reference() })
  const run = { outputDir: 'no-such-out', doneSteps: 4, totalSteps: 10 }
  const words = [...given, ...steps]
  expect(await commandToGoOn(words, { ...run, model: getPeftModel(base, lora({ r: 4 })) })).toBe(
    'espalier train --model_name_or_path base --data a.jsonl b.jsonl --quiet --seed=7 --adapter no-such-out --max-steps 6 --output-dir no-such-out-2',
  )
  expect(await commandToGoOn(words, { ...run, model: base })).toBe(
    'espalier train --data a.jsonl b.jsonl --lora-r 4 --peft-type lora --quiet --seed=7 --model no-such-out --max-steps 6 --output-dir no-such-out-2',
  )
  expect(await commandToGoOn(words, { ...run, doneSteps: 10, model: base })).toBeUndefined()
})
