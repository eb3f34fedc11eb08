/** The check that what a model gave can be ranked. */
import { EspalierError } from '@espalier/core'

/** Throws the code for NaN and for infinity. A single logit of minus infinity is a model's way to forbid a token or a label. */
export function requireFinite(
  code: 'generation.finite' | 'prediction.finite',
  logits: ArrayLike<number>,
  isSound: (logit: number) => boolean = (logit) => logit < Number.POSITIVE_INFINITY,
): void {
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i] as number
    if (isSound(logit)) continue
    throw new EspalierError(code, {
      what: 'the logits of the model are not finite numbers',
      got: { logit: String(logit) },
      fix: 'The weights of the model or of an adapter are broken, or too large for the dtype: load other ones',
    })
  }
}
