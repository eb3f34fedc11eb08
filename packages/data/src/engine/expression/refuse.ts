/** The errors of expressions: those that cannot be matched as the Rust library matches them, and those that are none. */
import { EspalierError } from '@espalier/core'
import { fileError } from '../../tokenizer/json-value.js'

/** Names the expression and why it is refused. */
export function refuse(source: string, reason: string): EspalierError {
  return new EspalierError('config.unsupported', {
    what: 'an expression of tokenizer.json is not supported',
    got: { file: 'tokenizer.json', expression: shortened(source), reason },
    fix: 'Use a tokenizer without it: ids that differ from those of Python would be wrong without a sign.',
  })
}

/** The error for an expression that is none. */
export function brokenExpression(source: string, reason: string): EspalierError {
  return fileError('tokenizer.json', 'an expression cannot be read', { expression: shortened(source), reason })
}

/** An expression as errors show it. */
export function shortened(source: string): string {
  return source.length > 200 ? `${source.slice(0, 200)}...` : source
}
