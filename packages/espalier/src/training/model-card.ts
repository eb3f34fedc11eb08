/** README.md of a model that was trained in full: a model card whose front matter the hub reads. */
import { codeSpan, yamlScalar } from '@espalier/serialization'
import type { PretrainedModel } from '../model/pretrained-model.js'

/** The card, with what is known of the model and headings for what only its author knows. */
export function fullModelCard({ loaded, model }: PretrainedModel): string {
  const { nameOrPath } = loaded
  const front = [
    ...(nameOrPath === null ? [] : [`base_model: ${yamlScalar(nameOrPath)}`]),
    'library_name: transformers',
    ...(model.task === 'CAUSAL_LM' ? ['pipeline_tag: text-generation'] : []),
  ]
  const base = nameOrPath === null ? 'a model that was made from a configuration' : codeSpan(nameOrPath)
  return `---
${front.join('\n')}
---

# Model card

All parameters of ${base}, trained further.

## Training data

Not described yet.

## Limits and risks

Those of the base model, and of the data it was trained on.
`
}
