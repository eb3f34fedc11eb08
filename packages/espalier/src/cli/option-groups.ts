/** Under which heading `--help` shows an option of a command that has many. */

const GROUPS: Readonly<Record<string, RegExp>> = {
  Model: /^(model|tokenizer|adapter$|dtype|task-type|num-labels|load-in|bnb|use-bnb)/,
  Data: /^(data$|text-field|prompt-field|completion|packing|eval-packing|eval-data|validation-split|inspect-data|max-length|no-shuffle|doc-stride|n-best|max-answer|version-2|null-score)/,
  LoRA: /^(peft|use-peft|lora|bias|use-rslora|init-lora|modules-to-save)/,
  'Evaluation and saving':
    /^(output-dir|overwrite|eval|save|load-best|early-stopping|metric|logging|resume|allow-changes|per-device-eval)/,
  Running: /^(config|backend|threads|quiet|json|tokens-per-micro-batch)/,
}
const REST = 'Optimisation'

/** The headings, in the order in which they are shown. */
export const groupNames = ['Model', 'Data', 'LoRA', REST, 'Evaluation and saving', 'Running'] as const

/** The heading of an option of `train`. */
export function groupOf(name: string): string {
  return Object.entries(GROUPS).find(([, pattern]) => pattern.test(name))?.[0] ?? REST
}
