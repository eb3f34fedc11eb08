/** The rank and the scale of one layer under a configuration. */
import { patternKeyMatch, type Site } from '@espalier/core'
import type { LoraConfig } from './config.js'

/** Rank at a layer: that of the first pattern that matches its path, else `r`. */
export function rankAt({ path }: Site, { rankPattern, r }: LoraConfig): number {
  return firstMatch(rankPattern, path) ?? r
}

/** Factor of the update at a layer: alpha / r, or alpha / sqrt(r) with rsLoRA. */
export function scalingAt(site: Site, config: LoraConfig): number {
  const alpha = firstMatch(config.alphaPattern, site.path) ?? config.loraAlpha
  const rank = rankAt(site, config)
  return alpha / (config.useRslora ? Math.sqrt(rank) : rank)
}

/** Patterns that match none of the layers. */
export function unmatchedPatterns(patterns: Readonly<Record<string, number>>, sites: readonly Site[]): string[] {
  return Object.keys(patterns).filter((pattern) => {
    const expression = patternKeyMatch(pattern)
    return !sites.some(({ path }) => expression.test(path))
  })
}

function firstMatch(patterns: Readonly<Record<string, number>>, path: string): number | undefined {
  const key = Object.keys(patterns).find((pattern) => patternKeyMatch(pattern).test(path))
  return key === undefined ? undefined : patterns[key]
}
