/**
 * The weights of a folder as one set of tensors: `model.safetensors`, or the shards that `model.safetensors.index.json` names. Shards
 * may lie anywhere (a hub cache links each to another folder), so every tensor carries its own file.
 */
import { EspalierError } from '@espalier/core'
import { nameProblem } from '../files/file-name.js'
import { refuseGguf } from '../files/gguf.js'
import { type ModelFiles, missingFile, readJson } from '../files/model-files.js'
import { areEqual } from './are-equal.js'
import type { TensorEntry } from './header.js'
import { openSafetensors, type SafetensorsFile } from './reader.js'

/** A tensor and the open file that holds it. */
export interface LocatedTensor extends TensorEntry {
  readonly from: SafetensorsFile
  read(): Promise<Uint8Array>
  readRange(start: number, end: number): Promise<Uint8Array>
}

/** All tensors of a model folder. */
export interface WeightFiles {
  readonly tensors: ReadonlyMap<string, LocatedTensor>
  /** The open files, in the order of their names. */
  readonly shards: readonly SafetensorsFile[]
  close(): Promise<void>
}

const LARGEST_INDEX = 100_000_000 // bytes, as for a header

/** Opens the weights of a folder. stem: `model` or `adapter_model`. Throws file.missing, model.pickle, model.gguf, safetensors.*. */
export async function openWeights(files: ModelFiles, stem = 'model'): Promise<WeightFiles> {
  if (await files.exists(`${stem}.safetensors`)) return joined([await openOne(files, `${stem}.safetensors`)])
  const index = `${stem}.safetensors.index.json`
  if (await files.exists(index)) return openIndexed(files, index)
  await refuseGguf(files)
  await refusePickles(files, stem)
  throw missingFile(`${stem}.safetensors`, files.description, await files.list())
}

/** The shards of an index: file name -> names of its tensors. Throws safetensors.index. */
export async function readIndex(files: ModelFiles, name: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const root = await readJson(files, name, LARGEST_INDEX)
  const map = isRecord(root) ? root.weight_map : undefined
  if (!isRecord(map)) throw badIndex(files, name, ['weight_map is not an object'])
  const shards = new Map<string, string[]>()
  const problems: string[] = []
  for (const [tensor, shard] of Object.entries(map)) {
    if (typeof shard !== 'string') problems.push(`${tensor} has no file name`)
    else if (shards.has(shard)) shards.get(shard)?.push(tensor)
    else {
      const problem = nameProblem(shard) ?? (shard.endsWith('.safetensors') ? undefined : 'is not a .safetensors file')
      if (problem !== undefined) problems.push(`the file name ${JSON.stringify(shard)} ${problem}`)
      shards.set(shard, [tensor])
    }
  }
  if (problems.length > 0) throw badIndex(files, name, problems)
  return shards
}

async function openIndexed(files: ModelFiles, index: string): Promise<WeightFiles> {
  const shards = [...(await readIndex(files, index))].sort(([a], [b]) => (a < b ? -1 : 1))
  const missing: string[] = []
  for (const [shard] of shards) if (!(await files.exists(shard))) missing.push(shard)
  if (missing.length > 0) {
    throw new EspalierError('safetensors.shards', {
      what: 'shards of a model are missing',
      got: { index, folder: files.description, missing, of: shards.length },
      fix: 'Download the missing files into that folder.',
    })
  }
  const opened: [SafetensorsFile, readonly string[]][] = []
  try {
    for (const [shard, names] of shards) opened.push([await openOne(files, shard), names])
    const absent = opened.flatMap(([shard, names]) =>
      names.filter((name) => !shard.tensors.has(name)).map((name) => `${name} in ${shard.file.name}`),
    )
    if (absent.length > 0)
      throw badIndex(
        files,
        index,
        absent.map((place) => `there is no ${place}`),
      )
    await refuseDifferent(
      opened.map(([shard]) => shard),
      (problems) => badIndex(files, index, problems),
    )
  } catch (error) {
    await Promise.all(opened.map(([shard]) => shard.close()))
    throw error
  }
  return joined(opened.map(([shard]) => shard))
}

// As transformers, every tensor of every shard is there, whatever the index says of it; there the last of two wins, by the files' names.
async function refuseDifferent(shards: readonly SafetensorsFile[], fail: (problems: string[]) => EspalierError) {
  const found = new Map<string, LocatedTensor>()
  const problems: string[] = []
  for (const from of shards) {
    for (const [name, tensor] of located(from)) {
      const other = found.get(name)
      if (other !== undefined && !(await areEqual(other, tensor)))
        problems.push(`${name} is in ${other.from.file.name} and, with other values, in ${from.file.name}`)
      found.set(name, tensor)
    }
  }
  if (problems.length > 0) throw fail(problems)
}

async function openOne(files: ModelFiles, name: string): Promise<SafetensorsFile> {
  const file = await files.open(name)
  try {
    return await openSafetensors(file)
  } catch (error) {
    await file.close()
    throw error
  }
}

function joined(shards: readonly SafetensorsFile[]): WeightFiles {
  return {
    tensors: new Map(shards.flatMap(located)),
    shards,
    async close() {
      await Promise.all(shards.map((shard) => shard.close()))
    },
  }
}

function located(from: SafetensorsFile): [string, LocatedTensor][] {
  return [...from.tensors].map(([name, entry]) => [
    name,
    {
      ...entry,
      from,
      read: () => from.read(name),
      readRange: (start, end) => from.readRange(name, start, end),
    },
  ])
}

async function refusePickles(files: ModelFiles, stem: string): Promise<void> {
  const old = stem === 'model' ? 'pytorch_model' : stem
  const pickles = (await files.list()).filter(
    (name) => name.startsWith(old) && /\.(?:bin|pt|pth)(?:\.index\.json)?$/.test(name),
  )
  if (pickles.length === 0) return
  throw new EspalierError('model.pickle', {
    what: 'the weights are only there as a Python pickle, which can run code when it is opened',
    got: { folder: files.description, files: pickles },
    fix: `Open it once in Python and save it again with save_pretrained, which writes ${stem}.safetensors.`,
  })
}

function badIndex(files: ModelFiles, index: string, problems: readonly string[]): EspalierError {
  return new EspalierError('safetensors.index', {
    what: 'the index of a sharded model is wrong',
    got: { file: index, folder: files.description, problems },
    fix: 'Download the index and its shards again.',
  })
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
