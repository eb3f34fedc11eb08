/** Weights in files: mapped where they lie when they are stored as they are computed, else through the cache of widened copies. */
import { join, parse, relative, resolve, sep } from 'node:path'
import {
  type DType,
  hostTensorFromBytes,
  isFloat,
  type ParameterSource,
  type ProgressOptions,
  type Shape,
} from '@espalier/core'
import type { WeightPlace } from '../emit/emit-program.js'
import { held } from '../emit/emitter.js'
import type { OnnxType } from '../model/onnx-model.js'
import type { HoldWeight, PlacedSource, WeightStore } from '../transport.js'
import { converted, toWire } from '../wire.js'
import { type CacheSettings, type Segment, widenedFile } from './widened-cache.js'

type FileSource = ParameterSource & { readonly file: NonNullable<ParameterSource['file']> }

/**
 * A store over the local file system. Without `cache`, 16-bit weights are mapped as they are and widened inside the graph. Each
 * program maps its weights anew, and the system counts every mapping as memory of the process; so weights of up to `residentBytes`
 * are read once instead, for all programs together.
 */
export function fileWeights(cache: CacheSettings | undefined, residentBytes: number): WeightStore {
  // The runtime refuses files outside one folder. Below the root lie all of them; on Windows, those of the cache's drive.
  const { root } = parse(resolve(cache?.folder ?? '.'))
  const below = (path: string) => relative(root, resolve(path)).split(sep).join('/')
  const resident = async (place: WeightPlace, shape: Shape, hold: HoldWeight): Promise<WeightPlace> => {
    if (place.kind !== 'file' || !isHandedOver(place.type) || place.byteLength === 0) return place
    const { location, offset, byteLength, type } = place
    return hold({ type, shape, file: { path: join(root, location), offset, byteLength } })
  }
  const at = (path: string, offset: number, byteLength: number, type: OnnxType): WeightPlace => ({
    kind: 'file',
    location: below(path),
    offset,
    byteLength,
    type,
  })

  return {
    folder: root,
    async place(sources, hold, options) {
      const places = new Array<WeightPlace>(sources.length)
      const toWiden = new Map<string, { index: number; source: FileSource }[]>()
      for (const [index, { source, dtype }] of sources.entries()) {
        options.signal?.throwIfAborted()
        const { file } = source
        const mappable = file !== undefined && parse(resolve(file.path)).root === root
        if (!mappable || !keepsValues(source.dtype, dtype)) places[index] = await inMemory({ source, dtype }, hold)
        else if (held(source.dtype) === source.dtype)
          places[index] = at(file.path, file.offset, file.byteLength, held(source.dtype))
        else if (cache === undefined)
          places[index] = at(file.path, file.offset, file.byteLength, source.dtype as OnnxType)
        else toWiden.set(file.path, [...(toWiden.get(file.path) ?? []), { index, source: source as FileSource }])
      }
      if (cache !== undefined)
        await widen(toWiden, cache, options, (index, path, segment) => {
          places[index] = at(path, segment.widenedOffset, 2 * segment.byteLength, 'f32')
        })
      const total = places.reduce((sum, place) => sum + (place.kind === 'file' ? place.byteLength : 0), 0)
      return total > residentBytes
        ? places
        : Promise.all(places.map((place, i) => resident(place, (sources[i] as PlacedSource).source.shape, hold)))
    },
  }
}

async function widen(
  files: ReadonlyMap<string, readonly { index: number; source: FileSource }[]>,
  cache: CacheSettings,
  { signal, onProgress }: ProgressOptions,
  placed: (index: number, path: string, segment: Segment) => void,
): Promise<void> {
  const total = [...files.values()].flat().reduce((sum, { source }) => sum + source.file.byteLength, 0)
  let before = 0
  for (const [path, list] of files) {
    const ranges = list.map(({ source }) => ({
      offset: source.file.offset,
      byteLength: source.file.byteLength,
      dtype: source.dtype as 'f16' | 'bf16',
    }))
    const from = before
    const widened = await widenedFile(path, ranges, cache, {
      ...(signal === undefined ? {} : { signal }),
      onProgress: (done) => onProgress?.(from + done, total, 'widening weights'),
    })
    for (const { index, source } of list) placed(index, widened.path, widened.segmentAt(source.file.offset))
    before += ranges.reduce((sum, { byteLength }) => sum + byteLength, 0)
  }
}

// The stored values can be used as they are: same dtype, or 16 bits that f32 holds exactly.
function keepsValues(stored: DType, wanted: DType): boolean {
  return stored === wanted || (wanted === 'f32' && isFloat(stored) && stored !== 'f64')
}

// 16-bit floats cannot be handed to the runtime, only mapped by it.
function isHandedOver(type: OnnxType): boolean {
  return type !== 'f16' && type !== 'bf16'
}

async function inMemory({ source, dtype }: PlacedSource, hold: HoldWeight): Promise<WeightPlace> {
  const stored = hostTensorFromBytes(source.dtype, source.shape, await source.read())
  return hold(toWire(converted(stored, dtype)))
}
