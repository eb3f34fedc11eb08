/** What the options that pack the base model make of loading it. */
import type { BitsAndBytesConfig } from '@espalier/quantization'
import { UsageError } from './failure.js'
import type { Values } from './values.js'

/** The configuration that the options make; undefined where weights stay as they are. Throws UsageError for both widths at once. */
export function quantizationOf(values: Values): BitsAndBytesConfig | undefined {
  const [loadIn4bit, loadIn8bit] = [values.flag('load-in-4bit'), values.flag('load-in-8bit')]
  if (loadIn4bit && loadIn8bit)
    throw new UsageError('--load-in-4bit and --load-in-8bit exclude each other', 'Give one of them')
  if (loadIn8bit) return { loadIn8bit }
  if (!loadIn4bit) return undefined
  const bnb4bitQuantType = values.text('bnb-4bit-quant-type') === 'fp4' ? 'fp4' : 'nf4'
  return { loadIn4bit, bnb4bitQuantType, bnb4bitUseDoubleQuant: values.flag('use-bnb-nested-quant') }
}
