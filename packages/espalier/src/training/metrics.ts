/** Metrics over predictions and labels that are numbers, by their usual definitions, which scikit-learn and SciPy have too. */

/** Mean of the squared differences; 0 of nothing. */
export function meanSquaredError(got: readonly number[], want: readonly number[]): number {
  return want.reduce((sum, value, i) => sum + ((got[i] as number) - value) ** 2, 0) / Math.max(1, want.length)
}

/** F1 of the positive label, 1: twice the right ones among all that are predicted or true. 0 where there are none. */
export function f1(got: readonly number[], want: readonly number[]): number {
  const right = want.filter((label, i) => label === 1 && got[i] === 1).length
  const all = [...got, ...want].filter((label) => label === 1).length
  return all === 0 ? 0 : (2 * right) / all
}

/** Mean of the F1 of each label that is predicted or true; 0 of nothing. */
export function macroF1(got: readonly number[], want: readonly number[]): number {
  const labels = [...new Set([...got, ...want])]
  const flags = (side: readonly number[], label: number) => side.map((one) => Number(one === label))
  const scores = labels.map((label) => f1(flags(got, label), flags(want, label)))
  return scores.reduce((sum, score) => sum + score, 0) / Math.max(1, labels.length)
}

/** Matthews' correlation of labels that are whole numbers; 0 where one side has a single label. Source: Gorodkin 2004, R_K. */
export function matthews(got: readonly number[], want: readonly number[]): number {
  const count = (labels: readonly number[], label: number) => labels.filter((one) => one === label).length
  const labels = [...new Set([...got, ...want])]
  const right = want.filter((label, i) => label === got[i]).length
  const total = want.length
  const sum = (of: (label: number) => number) => labels.reduce((all, label) => all + of(label), 0)
  const shared = right * total - sum((label) => count(got, label) * count(want, label))
  const spread = (side: readonly number[]) => total ** 2 - sum((label) => count(side, label) ** 2)
  const scale = Math.sqrt(spread(got) * spread(want))
  return scale === 0 ? 0 : shared / scale
}

/** Pearson's correlation; NaN where one side does not vary. */
export function pearson(got: readonly number[], want: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length
  const [a, b] = [mean(got), mean(want)]
  const [x, y] = [got.map((value) => value - a), want.map((value) => value - b)]
  const dot = (p: readonly number[], q: readonly number[]) =>
    p.reduce((sum, value, i) => sum + value * (q[i] as number), 0)
  return dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y))
}

/** Spearman's correlation: Pearson's of the ranks, equal values sharing the mean of theirs. */
export function spearman(got: readonly number[], want: readonly number[]): number {
  return pearson(ranks(got), ranks(want))
}

function ranks(values: readonly number[]): number[] {
  const sorted = [...values].sort((a, b) => a - b)
  const found = new Map<number, number>()
  for (let from = 0; from < sorted.length; ) {
    let to = from
    while (sorted[to] === sorted[from] && to < sorted.length) to++
    found.set(sorted[from] as number, (from + to - 1) / 2)
    from = to
  }
  return values.map((value) => found.get(value) as number)
}
