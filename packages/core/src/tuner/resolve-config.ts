/** What methods make of their configuration once the layers are known: values by pattern, and what the layers correct. */
import type { ResolveContext, Site } from './families.js'
import { patternKeyMatch } from './python-regex.js'

/** The value of the first pattern that matches a layer's path, else `otherwise`: ranks and alphas. */
export function valueAt({ path }: Site, patterns: Readonly<Record<string, number>>, otherwise: number): number {
  const key = Object.keys(patterns).find((pattern) => patternKeyMatch(pattern).test(path))
  return key === undefined ? otherwise : (patterns[key] as number)
}

/** Says which patterns of rankPattern and alphaPattern match no layer. */
export function warnOfUnmatched(
  config: Readonly<Record<'rankPattern' | 'alphaPattern', Readonly<Record<string, number>>>>,
  { sites, warn }: ResolveContext,
): void {
  for (const key of ['rankPattern', 'alphaPattern'] as const) {
    const unmatched = Object.keys(config[key]).filter((pattern) => {
      const expression = patternKeyMatch(pattern)
      return !sites.some(({ path }) => expression.test(path))
    })
    if (unmatched.length > 0) warn(`${key} holds patterns that match no layer: ${unmatched.join(', ')}`)
  }
}

/** The configuration with fanInFanOut as the layers have it, and a word where that differs: PEFT's correction. Layers of both kinds leave it as it is. */
export function withFanInFanOut<Config extends { readonly fanInFanOut: boolean }>(
  config: Config,
  { sites, warn }: ResolveContext,
): Config {
  const isLinear = sites.some(({ kind }) => kind === 'linear')
  const isConv1D = sites.some(({ kind }) => kind === 'conv1d')
  const fanInFanOut = isLinear === isConv1D ? config.fanInFanOut : isConv1D
  if (fanInFanOut !== config.fanInFanOut)
    warn(`fanInFanOut is ${fanInFanOut} for these layers, not ${config.fanInFanOut}; it was corrected`)
  return { ...config, fanInFanOut }
}
