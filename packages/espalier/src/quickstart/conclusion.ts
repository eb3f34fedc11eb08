/** What the demonstration leaves its user with: whether it kept its promises, and what to run next. */
import type { QuickstartResult, QuickstartScore } from './events.js'
import { QUICKSTART_LORA, QUICKSTART_PROMISE } from './settings.js'

const LARGER_MODEL = 'HuggingFaceTB/SmolLM2-135M'

/** What a run measured. */
export type QuickstartMeasures = Pick<QuickstartResult, 'before' | 'after' | 'constant' | 'control' | 'reloadedEqual'>

/** The promises that were not kept, a sentence each. */
export function faultsOf({ before, after, constant, control, reloadedEqual }: QuickstartMeasures): string[] {
  const limit = QUICKSTART_PROMISE
  const most = (what: string, score: QuickstartScore, share: number) =>
    shareOf(score) <= share ? [] : [`${what} scores ${percent(shareOf(score))}, more than ${percent(share)}`]
  return [
    ...most('the base model', before, limit.before),
    ...most('an answer that is always the same', constant, limit.constant),
    ...(control === null ? [] : most('training on shuffled answers', control, limit.control)),
    ...(shareOf(after) > limit.after
      ? []
      : [`the trained adapter scores ${percent(shareOf(after))}, not more than ${percent(limit.after)}`]),
    ...(reloadedEqual ? [] : ['the adapter that was loaded again gives other answers']),
  ]
}

/** A line of Python that opens the base model with the adapter. */
export function pythonLine(base: string, adapter: string): string {
  const [basePath, adapterPath] = [base, adapter].map((path) => JSON.stringify(path))
  return `import peft, transformers; model = peft.PeftModel.from_pretrained(transformers.AutoModelForCausalLM.from_pretrained(${basePath}), ${adapterPath})`
}

/** The command that does the same to a larger model from the hub. */
export function nextCommand(data: string): string {
  const { r, loraAlpha, targetModules } = QUICKSTART_LORA
  return `npx espalier train --model ${LARGER_MODEL} --data ${JSON.stringify(data)} --output-dir smollm2-run --lora-r ${r} --lora-alpha ${loraAlpha} --lora-target-modules ${targetModules} --max-steps 100`
}

function shareOf({ correct, total }: QuickstartScore): number {
  return correct / Math.max(total, 1)
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}
