import { describe, expect, it } from 'vitest'
import type { LayerKind } from '../module/adaptable.js'
import type { Site } from './families.js'
import { valueAt, warnOfUnmatched, withFanInFanOut } from './resolve-config.js'

const site = (path: string, kind: LayerKind = 'linear'): Site => ({
  path,
  paths: [path],
  kind,
  inSize: 4,
  outSize: 4,
  hasBias: false,
})

function context(...sites: readonly Site[]) {
  const warnings: string[] = []
  return { modelType: 'x', modelConfig: {}, sites, warnings, warn: (text: string) => void warnings.push(text) }
}

describe('valueAt', () => {
  it('takes the first pattern that matches, in the order of the object', () => {
    const patterns = { 'layers\\.1\\.q_proj': 2, q_proj: 3, '^model.layers.0.q_proj': 4 }
    expect(valueAt(site('model.layers.1.q_proj'), patterns, 8)).toBe(2)
    expect(valueAt(site('model.layers.0.q_proj'), patterns, 8)).toBe(3)
    expect(valueAt(site('model.layers.0.v_proj'), patterns, 8)).toBe(8)
  })
})

describe('warnOfUnmatched', () => {
  it('names the patterns that match no layer', () => {
    const all = context(site('model.layers.1.q_proj'))
    warnOfUnmatched({ rankPattern: { q_proj: 1, proj: 2 }, alphaPattern: { q_proj: 1 } }, all)
    expect(all.warnings).toEqual(['rankPattern holds patterns that match no layer: proj'])
  })
})

describe('withFanInFanOut', () => {
  const corrected = (given: boolean, ...kinds: readonly LayerKind[]) => {
    const all = context(...kinds.map((kind) => site('x', kind)))
    return [withFanInFanOut({ fanInFanOut: given }, all).fanInFanOut, all.warnings.length]
  }

  it('is what the layers are, with a word where that is corrected', () => {
    expect(corrected(false, 'conv1d')).toEqual([true, 1])
    expect(corrected(true, 'conv1d', 'embedding')).toEqual([true, 0])
    expect(corrected(true, 'linear')).toEqual([false, 1])
  })

  it('stays as it was where layers are of both kinds or of neither', () => {
    expect(corrected(true, 'linear', 'conv1d')).toEqual([true, 0])
    expect(corrected(true, 'embedding')).toEqual([true, 0])
  })
})
