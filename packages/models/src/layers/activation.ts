/** Activation functions by the names that config.json gives them. */
import { gelu, mul, relu, sigmoid, silu, type Tensor, tanh } from '@espalier/core'
import type { ConfigKeys } from '../config/config-keys.js'

/** A function applied to every element. */
export type Activation = (x: Tensor) => Tensor

const QUICK_GELU = 1.702 // slope of the sigmoid that stands for the normal distribution's; arXiv:1606.08415 §2

const activations: Readonly<Record<string, Activation>> = {
  silu,
  swish: silu,
  gelu: (x) => gelu(x),
  gelu_python: (x) => gelu(x),
  gelu_new: (x) => gelu(x, 'tanh'),
  gelu_fast: (x) => gelu(x, 'tanh'),
  gelu_pytorch_tanh: (x) => gelu(x, 'tanh'),
  quick_gelu: (x) => mul(x, sigmoid(mul(x, QUICK_GELU))),
  relu,
  tanh,
  sigmoid,
}

/** The activation that a key of config.json names. named: a family's own names for them. Throws model.unsupported, listing the known ones. */
export function activationOf(
  keys: ConfigKeys,
  key: string,
  fallback: string,
  named: Readonly<Record<string, string>> = {},
): Activation {
  const text = keys.text(key, fallback)
  const name = (Object.hasOwn(named, text) ? named[text] : undefined) ?? text
  const found = Object.hasOwn(activations, name) ? activations[name] : undefined
  if (found === undefined) throw keys.unsupported(key, [...Object.keys(activations), ...Object.keys(named)])
  return found
}
