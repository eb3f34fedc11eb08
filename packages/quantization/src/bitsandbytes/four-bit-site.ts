/** The four-bit weight of a layer: as its checkpoint holds it, or packed from its floats as they are read. */
import {
  EspalierError,
  type HostTensor,
  hostTensor,
  joinPath,
  memorySource,
  Parameter,
  type ParameterSource,
  type Shape,
  toFloat32,
  type WeightSite,
} from '@espalier/core'
import { packedSources } from '../packed-sources.js'
import { type FourBitLayout, type FourBitPart, fourBitParts, partValues, STATE_PREFIX } from './four-bit-layout.js'
import { type FourBitSettings, fourBitTensors, NESTED_BLOCK, stateBytes } from './four-bit-tensors.js'
import { FourBitWeight } from './four-bit-weight.js'
import { type QuantState, readState } from './quant-state.js'

/** shape: (out, in). Undefined where the checkpoint holds no four-bit weight of the layer. Throws quantization.state. */
export function storedFourBit(site: WeightSite, shape: Shape): FourBitWeight | undefined {
  const [name, described] = [...site.tensors].find(([name]) => name.startsWith(STATE_PREFIX)) ?? []
  if (name === undefined || described?.bytes === undefined) return undefined
  const path = joinPath(site.path, name)
  const state = readState(described.bytes, path, shape)
  if (name !== STATE_PREFIX + state.type) throw misnamed(path, state)
  const offset = memorySource(hostTensor('f32', [], [state.nested?.offset ?? 0]))
  const parameters = fourBitParts(state, described.bytes.length).map((part) =>
    part.isStored ? site.stored(part.name, part.spec) : parameter(site, part, offset),
  )
  return new FourBitWeight(site.dtype, state, parameters)
}

/** The layer's floats as a four-bit weight. shape: (out, in); oriented: turns the file's floats into that. */
export function packedFourBit(
  site: WeightSite,
  shape: Shape,
  settings: FourBitSettings,
  oriented: (floats: HostTensor) => HostTensor,
): FourBitWeight {
  const { type, blockSize, dtype } = settings
  const known = { type, blockSize, dtype, shape }
  const layout: FourBitLayout = settings.nested ? { ...known, nested: { blockSize: NESTED_BLOCK } } : known
  const { length } = stateBytes(settings.nested ? { ...known, nested: LONGEST } : known).data
  const parts = fourBitParts(layout, length)
  const floats = site.floats()
  const specs = parts.map(({ spec }) => spec)
  const sources = packedSources(floats, specs, (values) =>
    partValues(fourBitTensors(toFloat32(oriented(values)), shape, settings, floats.path), length),
  )
  const parameters = parts.map((part, i) => parameter(site, part, sources[i] as ParameterSource))
  return new FourBitWeight(site.dtype, layout, parameters)
}

// Of all means, one whose text is as long as any: the description's length is announced before the mean is known, and filled up.
const LONGEST: QuantState['nested'] & object = { blockSize: NESTED_BLOCK, offset: -1.1754943508222875e-38 }

function parameter({ path: layer }: WeightSite, { name, spec, isStored }: FourBitPart, source: ParameterSource) {
  const path = joinPath(layer, name)
  return new Parameter(path, spec.dtype, spec.shape, source, 'weight', path, false, isStored)
}

function misnamed(tensor: string, { type }: QuantState): EspalierError {
  return new EspalierError('quantization.state', {
    what: 'a packed weight has one type by the name of its description, and another by its text',
    got: { tensor, type },
    fix: 'Download the checkpoint again, or quantize the model anew.',
  })
}
