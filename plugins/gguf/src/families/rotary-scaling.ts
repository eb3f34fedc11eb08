/** How a file says that positions are stretched. transformers takes no notice of it; llama.cpp computes so. */
import type { Metadata } from '../header/metadata.js'

/** `rope_scaling` of config.json; nothing where positions are as trained. Throws gguf.unsupported for a kind that is not known. */
export function rotaryScaling(metadata: Metadata): Readonly<Record<string, unknown>> {
  const type = metadata.text('.rope.scaling.type')
  const factor = metadata.float('.rope.scaling.factor') ?? 1
  switch (type) {
    case undefined:
    case 'none':
      return {}
    case 'linear':
      return factor === 1 ? {} : { rope_scaling: { rope_type: 'linear', factor } }
    case 'yarn':
      return {
        rope_scaling: {
          rope_type: 'yarn',
          factor,
          original_max_position_embeddings: metadata.needed('.rope.scaling.original_context_length'),
        },
      }
    default:
      metadata.refuse('.rope.scaling.type', () => false, 'positions are stretched in a way that is not read')
      return {}
  }
}
