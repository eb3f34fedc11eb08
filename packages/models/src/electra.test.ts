import { namedModules } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { electra } from './electra.js'
import { encoderRows } from './fixtures/encoder-rows.js'
import { near } from './fixtures/padded-rows.js'
import { TINY_ELECTRA } from './fixtures/tiny-configs.js'
import { forwardOf, rounded, tinyModel } from './fixtures/tiny-model.js'

describe('electra', () => {
  it("gives transformers' logits of rows and hidden states for seeded weights", async () => {
    const rows = await forwardOf(tinyModel(electra, TINY_ELECTRA, 'SEQ_CLS'), encoderRows)
    expect(rounded(rows.y)).toEqual(near([0.8758, -0.3023, 0.6619, 0.8886, -0.3101, 0.7929]))
    const bare = await forwardOf(tinyModel(electra, TINY_ELECTRA, 'FEATURE_EXTRACTION'), encoderRows)
    const hidden = rounded(bare.y)
    expect(hidden.slice(0, 4)).toEqual(near([0.7184, 0.1101, -1.0595, 0.4855]))
    expect(hidden.slice(-4)).toEqual(near([-0.8639, 2.0856, 0.8764, -0.7992]))
    expect(bare.pooler_output).toBeUndefined()
  })

  it('projects its tables only where they are narrower than the layers', () => {
    const paths = (config: object) =>
      namedModules(tinyModel(electra, { ...TINY_ELECTRA, ...config }, 'TOKEN_CLS')).map(({ path }) => path)
    expect(paths({})).toContain('electra.embeddings_project')
    expect(paths({ embedding_size: 8 })).not.toContain('electra.embeddings_project')
  })
})
