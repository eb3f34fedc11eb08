/** A small quantizer for tests of its suite: whole numbers with a scale for each row. What is wrong with it is given. */
import {
  type ComputeDType,
  cast,
  dequantize,
  EspalierError,
  type HostTensor,
  hostTensor,
  joinPath,
  memorySource,
  mul,
  Parameter,
  type Quantizer,
  readSource,
  type Spec,
  type Tensor,
  toFloat32,
  type Weight,
  type WeightSite,
} from '@espalier/core'

/** Ways to be wrong. */
export interface Faults {
  /** Times the scales while decoding. Default 1. */
  readonly scale?: number
  /** Forgets to look for values that are not finite. */
  readonly packsAnything?: boolean
  /** Encodes with all scales 1. */
  readonly encodesWithoutScales?: boolean
  /** Writes a checkpoint's scales under a name that it does not read. */
  readonly forgetsScales?: boolean
  /** Packs what must stay floats. */
  readonly packsAll?: boolean
  /** Of each float: a bound that nobody keeps. */
  readonly bound?: number
  /** Decodes to f32 whatever the model computes in. */
  readonly ignoresDType?: boolean
}

const MOST = 127

class RowScaled implements Weight {
  constructor(
    readonly dtype: ComputeDType,
    readonly parameters: readonly Parameter[],
    private readonly faults: Faults,
  ) {}

  get shape() {
    return (this.parameters[0] as Parameter).shape
  }

  value(): Tensor {
    const [codes, scales] = this.parameters.map(({ value }) => value) as [Tensor, Tensor]
    const floats = dequantize(codes, mul(scales, this.faults.scale ?? 1), this.shape[1] as number)
    return this.faults.ignoresDType === true ? floats : cast(floats, this.dtype)
  }

  withParameters(parameters: readonly Parameter[]): Weight {
    return new RowScaled(this.dtype, parameters, this.faults)
  }

  encode(floats: HostTensor): readonly HostTensor[] {
    return packed(floats, (this.parameters[0] as Parameter).path, this.faults)
  }

  errorBound(floats: HostTensor): Float32Array {
    const [, scales] = packed(floats, '', {})
    const columns = this.shape[1] as number
    const bound = (i: number) => 0.501 * (scales.data[Math.floor(i / columns)] as number)
    return toFloat32(floats).map((_, i) => this.faults.bound ?? bound(i))
  }
}

/** The quantizer. */
export function rowScaled(faults: Faults = {}): Quantizer {
  return {
    method: 'row_scaled',
    weights: (config) => (config === null ? (site) => pack(site, faults) : (site) => read(site, faults)),
  }
}

function specsOf(shape: readonly number[]): readonly [Spec, Spec] {
  return [
    { dtype: 'i8', shape },
    { dtype: 'f32', shape: [shape[0] as number, 1] },
  ]
}

function read({ shape, dtype, tensors, stored }: WeightSite, faults: Faults): Weight | undefined {
  if (!tensors.has('scales')) return undefined
  const [codes, scales] = specsOf(shape)
  return new RowScaled(dtype, [stored('weight', codes), stored('scales', scales)], faults)
}

function pack(site: WeightSite, faults: Faults): Weight | undefined {
  if (site.staysFloat && faults.packsAll !== true) return undefined
  const { source, path } = site.floats()
  const names = ['weight', faults.forgetsScales === true ? 'scale' : 'scales']
  const parameters = specsOf(site.shape).map(({ dtype, shape }, i) => {
    const make = async () => packed(await readSource(source), path, faults)[i] as HostTensor
    const own = { dtype, shape, read: async () => memorySource(await make()).read() }
    return new Parameter(joinPath(site.path, names[i] as string), dtype, shape, own)
  })
  return new RowScaled(site.dtype, parameters, faults)
}

function packed(floats: HostTensor, name: string, faults: Faults): readonly [HostTensor, HostTensor] {
  const [rows = 0, columns = 0] = floats.shape
  const values = toFloat32(floats)
  if (faults.packsAnything !== true && !values.every(Number.isFinite))
    throw new EspalierError('quantization.weight', { what: 'a value is not finite', got: { tensor: name } })
  const row = (i: number) => values.subarray(i * columns, (i + 1) * columns).map(Math.abs)
  const largest = (i: number) => (faults.encodesWithoutScales === true ? MOST : Math.max(...row(i)))
  const scales = Float32Array.from({ length: rows }, (_, i) => largest(i) / MOST)
  const codes = Int8Array.from(values, (x, i) => Math.round(x / (scales[Math.floor(i / columns)] as number)))
  return [hostTensor('i8', floats.shape, codes), hostTensor('f32', [rows, 1], scales)]
}
