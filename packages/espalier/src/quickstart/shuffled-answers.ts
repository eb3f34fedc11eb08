/** The control's data: every prompt with the answer of another row. What can be learnt from it is the form alone. */
import { Random } from '@espalier/core'
import type { QuickstartRow } from './assets.js'

/** The rows with their completions moved around a random circle, so that none keeps its own place. */
export function shuffledAnswers(rows: readonly QuickstartRow[], seed: number): QuickstartRow[] {
  const order = new Random(seed).at('shuffled answers').permutation(rows.length)
  const shuffled = [...rows]
  order.forEach((row, i) => {
    const { prompt } = rows[row] as QuickstartRow
    const { completion } = rows[order[(i + 1) % order.length] as number] as QuickstartRow
    shuffled[row] = { prompt, completion }
  })
  return shuffled
}
