/** Answers of a model by greedy generation, and how many of them are right. */
import type { CausalLM } from '@espalier/core'
import { generateRows } from '@espalier/models'
import type { RuntimeModel } from '../model/runtime-model.js'
import type { QuickstartRow } from './assets.js'
import type { QuickstartScore } from './events.js'

const BATCH = 60 // rows at a time; larger ones are no faster
const MOST_TOKENS = 32 // the longest record has 21

/** The model's answer to each prompt, up to the end token. */
export async function answerRows(
  model: RuntimeModel,
  rows: readonly QuickstartRow[],
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<string[]> {
  const tokenizer = await model.tokenizer()
  const { eosTokenId, padTokenId } = tokenizer
  const held = model.hold({ signal })
  try {
    const source = {
      ...(await held.ready),
      model: held.model as CausalLM,
      eosTokenIds: eosTokenId === undefined ? [] : [eosTokenId],
      padTokenId: padTokenId ?? 0,
    }
    const answers: string[] = []
    for (let first = 0; first < rows.length; first += BATCH) {
      const prompts = rows.slice(first, first + BATCH).map(({ prompt }) => tokenizer.encode(prompt).inputIds)
      const generated = await generateRows(source, prompts, {
        maxNewTokens: MOST_TOKENS,
        ...(signal === undefined ? {} : { signal }),
      })
      answers.push(...generated.map(({ tokens }) => tokenizer.decode(tokens, { skipSpecialTokens: true })))
    }
    return answers
  } finally {
    held.release()
  }
}

/** How many answers are the expected ones, letter by letter. */
export function scoreAnswers(rows: readonly QuickstartRow[], answers: readonly string[]): QuickstartScore {
  return { correct: rows.filter(({ completion }, i) => answers[i] === completion).length, total: rows.length }
}

/** The most that an answer can score which is the same for every row. */
export function scoreConstant(rows: readonly QuickstartRow[]): QuickstartScore {
  const counts = new Map<string, number>()
  for (const { completion } of rows) counts.set(completion, (counts.get(completion) ?? 0) + 1)
  return { correct: Math.max(0, ...counts.values()), total: rows.length }
}
