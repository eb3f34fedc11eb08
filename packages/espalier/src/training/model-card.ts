/** README.md of a model that was trained in full: a model card whose front matter the hub reads. */
import type { PretrainedModel } from '../model/pretrained-model.js'

/** The card, with what is known of the model and headings for what only its author knows. */
export function fullModelCard({ loaded, model }: PretrainedModel): string {
  const { nameOrPath } = loaded
  const front = [
    ...(nameOrPath === null ? [] : [`base_model: ${scalar(nameOrPath)}`]),
    'library_name: transformers',
    ...(model.task === 'CAUSAL_LM' ? ['pipeline_tag: text-generation'] : []),
  ]
  const base = nameOrPath === null ? 'a model that was made from a configuration' : `\`${nameOrPath}\``
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

// YAML reads paths and names as they are; what it would read otherwise is quoted.
function scalar(text: string): string {
  return /^[A-Za-z_./][\w./@+-]*$/.test(text) ? text : JSON.stringify(text)
}
