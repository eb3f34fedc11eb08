/** A layer with active adapters around it. Outputs compose: each adapter sees the layer below it as `inner`. */

import { add, sub } from '../graph/ops/binary.js'
import { cast, widened, widerThan } from '../graph/ops/cast.js'
import type { Tensor } from '../graph/tensor.js'
import { type Adaptable, linear, withWeight } from '../module/adaptable.js'
import type { Context } from '../module/context.js'
import { Module } from '../module/module.js'
import type { Parameter } from '../module/parameter.js'
import { GivenWeight } from '../module/weight.js'
import type { LayerTuner, Merged, Site } from './families.js'

/** An adapter's tensors at one site, as program state; `Weight`-like, so that trees can be walked and rebuilt through it. */
export class SiteState {
  readonly parameters: readonly Parameter[]

  constructor(readonly named: Readonly<Record<string, Parameter>>) {
    this.parameters = Object.values(named)
  }

  /** Name -> graph tensor. */
  values(): Record<string, Tensor> {
    return Object.fromEntries(Object.entries(this.named).map(([name, parameter]) => [name, parameter.value]))
  }

  withParameters(parameters: readonly Parameter[]): SiteState {
    return new SiteState(
      Object.fromEntries(Object.keys(this.named).map((name, i) => [name, parameters[i] as Parameter])),
    )
  }
}

/** One adapter at one layer. */
export class AdapterPart extends Module {
  constructor(
    readonly adapter: string,
    readonly tuner: LayerTuner,
    readonly config: unknown,
    readonly site: Site,
    readonly state: SiteState,
  ) {
    super()
  }

  override get printedName(): string {
    return `${this.tuner.kind} "${this.adapter}"`
  }

  /** Not called by itself: AdaptedLayer applies parts. */
  forward(x: Tensor): Tensor {
    return x
  }

  /** The layer's output with this adapter over `inner`. */
  apply(x: Tensor, inner: (x: Tensor) => Tensor, layer: Adaptable, context: Context): Tensor {
    const { tuner, config, site } = this
    const state = this.state.values()
    if (tuner.forward !== undefined) return tuner.forward({ x, inner, layer, state, config, site, context })
    const weight = layer.orientedWeight()
    const bias = layer.bias === null ? undefined : widened(layer.bias.value)
    const merged = mergedParts(this.merge(weight, bias))
    const change = sub(merged.weight, weight)
    // An embedding looks the change up itself: it may scale its rows, or keep one from learning. Experts are picked by block.
    const isPlain = layer.kind === 'linear' || layer.kind === 'conv1d'
    const delta = isPlain ? linear(x, change) : withWeight(layer, new GivenWeight(change)).forward(x, context)
    const y = add(inner(x), delta)
    return merged.bias === undefined || bias === undefined ? y : add(y, sub(merged.bias, bias))
  }

  /** The tuner's definition: the adapted weight. */
  merge(weight: Tensor, bias: Tensor | undefined): Merged {
    const { tuner, config, site } = this
    return (tuner.merge as NonNullable<LayerTuner['merge']>)({ weight, bias, state: this.state.values(), config, site })
  }
}

/** A base layer with one or more adapters. They compute in f32, whatever the base computes in. */
export class AdaptedLayer extends Module {
  // The field's name is PEFT's, for paths in printed trees.
  constructor(
    readonly base_layer: Adaptable,
    readonly parts: readonly AdapterPart[],
  ) {
    super()
  }

  forward(x: Tensor, context: Context): Tensor {
    const layer = this.base_layer
    const [wide, given] = [widened(x), widenedLayer(layer)]
    const stacked = this.parts.reduce<(x: Tensor) => Tensor>(
      (inner, part) => (input) => part.apply(input, inner, given, context),
      (input) => widened(layer.forward(input === wide ? x : cast(input, x.dtype), context)),
    )
    return cast(stacked(wide), layer.kind === 'embedding' ? layer.weight.dtype : x.dtype)
  }
}

// The layer as tuners see it: its weight in f32.
function widenedLayer(layer: Adaptable): Adaptable {
  const { weight } = layer
  return widerThan(weight.dtype) === weight.dtype ? layer : withWeight(layer, new GivenWeight(widened(weight.value())))
}

/** A merge result's weight and bias. */
export function mergedParts(merged: Merged): { readonly weight: Tensor; readonly bias?: Tensor | undefined } {
  return 'node' in merged ? { weight: merged } : merged
}
