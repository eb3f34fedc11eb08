/** A weight in the blocks of a GGUF file: floats are decoded in the graph, where they are used. */
import {
  add,
  cast,
  type DType,
  dequantize,
  dequantizeFourBit,
  mul,
  type Parameter,
  reshape,
  type Shape,
  sub,
  type Tensor,
  type Weight,
} from '@espalier/core'
import type { PackedType } from './weight-parts.js'

/** Parameters of a weight by what they are; those that its type has. */
export interface PackedParameters {
  readonly codes: Parameter
  readonly scales: Parameter
  readonly groupScales?: Parameter
  readonly least?: Parameter
  readonly groupLeast?: Parameter
}

type Role = keyof PackedParameters

const ROLES: readonly Role[] = ['codes', 'scales', 'groupScales', 'least', 'groupLeast']

/** W = code * scale of its group, with the least value of its group, computed in f32 as llama.cpp's dequantization. Floats cannot be written to it. */
export class PackedWeight implements Weight {
  readonly parameters: readonly Parameter[]

  constructor(
    readonly dtype: DType,
    readonly shape: Shape,
    private readonly type: PackedType,
    private readonly parts: PackedParameters,
  ) {
    this.parameters = ROLES.flatMap((role) => parts[role] ?? [])
  }

  value(): Tensor {
    const { codes, scales, groupScales, least, groupLeast } = this.parts
    const { group, table, least: kind } = this.type.packed
    const perGroup = this.perGroup(scales, groupScales)
    const [groups = 0] = perGroup.shape
    const scaled =
      table === undefined
        ? dequantize(reshape(codes.value, [groups, group]), reshape(perGroup, [groups, 1]), group)
        : dequantizeFourBit(reshape(codes.value, [-1]), perGroup, {
            values: table,
            blockSize: group,
            shape: [groups, group],
          })
    if (least === undefined) return cast(reshape(scaled, this.shape), this.dtype)
    const leastOf = reshape(this.perGroup(least, groupLeast), [groups, 1])
    const floats = kind?.sign === 1 ? add(scaled, leastOf) : sub(scaled, leastOf)
    return cast(reshape(floats, this.shape), this.dtype)
  }

  withParameters(parameters: readonly Parameter[]): Weight {
    const roles = ROLES.filter((role) => this.parts[role] !== undefined)
    const parts = Object.fromEntries(roles.map((role, i) => [role, parameters[i] as Parameter]))
    return new PackedWeight(this.dtype, this.shape, this.type, parts as unknown as PackedParameters)
  }

  // A scale for each group: the block's, or the block's times the group's own.
  private perGroup(ofBlock: Parameter, ofGroup: Parameter | undefined): Tensor {
    if (ofGroup === undefined) return ofBlock.value
    const groups = this.type.size / this.type.packed.group
    const own = reshape(cast(ofGroup.value, 'f32'), [-1, groups])
    return reshape(mul(reshape(ofBlock.value, [-1, 1]), own), [-1])
  }
}
