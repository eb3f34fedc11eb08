/** `espalier inspect`: what a file or folder is. Reads headers only; of a model without weights, its configuration. */
import { stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { EspalierError } from '@espalier/core'
import {
  openSafetensors,
  openSource,
  openWeights,
  quantizationOf,
  readAdapterConfig,
  readModelConfig,
} from '@espalier/serialization'
import { ggufSource } from '../auto/gguf-source.js'
import { settle } from '../platform/settle/node.js'
import { UsageError } from './failure.js'
import { type ADAPTER_PROGRAMS, adapterFaults, modelFaults, type Opinion } from './opens-it.js'
import { parameterShare } from './parameter-share.js'
import { bytes, result } from './terminal.js'
import { trainingMemory } from './training-memory.js'
import type { Values } from './values.js'

const BYTES_PER_VALUE = 4 // trained values are float32

interface TensorFact {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  readonly byteLength: number
}

/** What was found. */
interface Finding {
  readonly kind: 'model' | 'adapter' | 'safetensors'
  readonly facts: Readonly<Record<string, string>>
  readonly tensors: readonly TensorFact[]
  readonly config?: Readonly<Record<string, unknown>>
}

/** Runs the command; its exit code. */
export async function inspect(values: Values): Promise<number> {
  const [path, extra] = values.positional
  if (path === undefined || extra !== undefined)
    throw new UsageError('inspect takes one path or hub id', 'See espalier inspect --help for an example')
  const found = await examine(path)
  const program = values.text('for')
  const opinion = program === undefined ? undefined : opinionOf(found, program)
  if (values.flag('json') === true) {
    result(
      JSON.stringify(
        {
          kind: found.kind,
          ...found.facts,
          ...(opinion === undefined ? {} : { for: program, ...opinion }),
          ...(values.flag('tensors') === true ? { tensors: found.tensors } : {}),
        },
        null,
        2,
      ),
    )
    return 0
  }
  const width = Math.max(...Object.keys(found.facts).map((key) => key.length))
  result(found.kind === 'safetensors' ? 'a safetensors file' : found.kind === 'adapter' ? 'a PEFT adapter' : 'a model')
  for (const [key, value] of Object.entries(found.facts)) result(`  ${key.padEnd(width)}  ${value}`)
  if (values.flag('tensors') === true)
    for (const { name, dtype, shape } of found.tensors) result(`  ${name}  ${dtype} [${shape.join(', ')}]`)
  if (opinion !== undefined)
    result(
      opinion.opens
        ? `${program} opens it${opinion.notes.length > 0 ? `: ${opinion.notes.join('; ')}` : ''}`
        : `${program} does not open it: ${opinion.notes.join('; ')}`,
    )
  return 0
}

async function examine(path: string): Promise<Finding> {
  const gguf = await ggufSource(path)
  await settle(/\.(?:safetensors|gguf)$/i.test(path) ? dirname(path) : path)
  const isFile = await stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  )
  if (isFile && gguf === undefined) return examineFile(path)
  const files = gguf?.files ?? (await openSource(path, { groups: ['config', 'adapter', 'weights'] }))
  if (await files.exists('adapter_config.json')) {
    const { values: config, peftType } = await readAdapterConfig(files)
    // The names as they are in the file: other programs look for those.
    const weights = await openWeights(files, 'adapter_model')
    const tensors = [...weights.tensors].map(([name, { dtype, shape, byteLength }]) => ({
      name,
      dtype,
      shape,
      byteLength,
    }))
    await weights.close()
    const targets = config.target_modules
    return {
      kind: 'adapter',
      config,
      tensors,
      facts: {
        method: peftType,
        base: String(config.base_model_name_or_path ?? 'not said'),
        task: String(config.task_type ?? 'not said'),
        ...(config.r === undefined ? {} : { rank: `${config.r}, alpha ${config.lora_alpha}` }),
        targets: Array.isArray(targets) ? targets.join(', ') : String(targets ?? 'none'),
        ...sizes(tensors),
        'memory to train': `${bytes(4 * BYTES_PER_VALUE * valueCount(tensors))} of values, gradients and AdamW’s states, beside the base model’s`,
      },
    }
  }
  const config = await readModelConfig(files)
  const { hidden_size: hidden, num_hidden_layers: layers, vocab_size: vocabulary } = config.values
  const described = {
    architecture: `${config.modelType} (${config.architectures.join(', ') || 'class not said'})`,
  }
  const weights = await openWeights(files).catch(noWeights)
  if (weights === null) {
    const { sizes, parameters, adapter } = parameterShare(config, files.description)
    const size = `${sizes.layerCount} layers, hidden ${sizes.hiddenSize}, vocabulary ${sizes.vocabularySize}`
    const facts = { ...described, size, parameters: parameters.toLocaleString('en-US'), 'trained parameters': adapter }
    return { kind: 'model', config: config.values, tensors: [], facts: { ...facts, weights: 'none here' } }
  }
  const tensors = [...weights.tensors].map(([name, { dtype, shape, byteLength }]) => ({
    name,
    dtype,
    shape,
    byteLength,
  }))
  await weights.close()
  const quantization = quantizationOf(config.values)
  const memory = await trainingMemory(path)
  return {
    kind: 'model',
    config: config.values,
    tensors,
    facts: {
      ...described,
      ...(quantization === null
        ? {}
        : { quantized: `by ${quantization.method}${quantization.form === null ? '' : `, ${quantization.form}`}` }),
      size: `${layers ?? '?'} layers, hidden ${hidden ?? '?'}, vocabulary ${vocabulary ?? '?'}`,
      ...sizes(tensors),
      'memory to train': memory,
    },
  }
}

// A folder may hold a configuration alone.
function noWeights(error: unknown): null {
  if (error instanceof EspalierError && error.code === 'file.missing') return null
  throw error
}

async function examineFile(path: string): Promise<Finding> {
  if (!path.endsWith('.safetensors'))
    throw new EspalierError('source.unknown', {
      what: 'only folders, hub ids, .gguf and .safetensors files can be inspected',
      got: { path },
      fix: 'Give the folder of a model or an adapter, its hub id, or a .safetensors file.',
    })
  const folder = await openSource(dirname(path) === '' ? '.' : dirname(path))
  const file = await folder.open(basename(path))
  try {
    const header = await openSafetensors(file)
    const tensors = [...header.tensors].map(([name, { dtype, shape, byteLength }]) => ({
      name,
      dtype,
      shape,
      byteLength,
    }))
    return { kind: 'safetensors', tensors, facts: sizes(tensors) }
  } finally {
    await file.close()
  }
}

function sizes(tensors: readonly TensorFact[]): Record<string, string> {
  const dtypes = new Map<string, number>()
  for (const { dtype } of tensors) dtypes.set(dtype, (dtypes.get(dtype) ?? 0) + 1)
  const parameters = valueCount(tensors)
  return {
    tensors: `${tensors.length} (${[...dtypes].map(([dtype, count]) => `${count} ${dtype}`).join(', ')})`,
    parameters: parameters.toLocaleString('en-US'),
    bytes: bytes(tensors.reduce((sum, { byteLength }) => sum + byteLength, 0)),
  }
}

function valueCount(tensors: readonly TensorFact[]): number {
  return tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)
}

function opinionOf(found: Finding, program: string): Opinion {
  const name = program as (typeof ADAPTER_PROGRAMS)[number]
  if (found.kind === 'safetensors')
    return { opens: false, notes: ['it opens folders; a file alone does not say what its tensors are'] }
  if (found.kind === 'model') return modelFaults(name, String(found.config?.model_type))
  return adapterFaults(name, found.config ?? {}, found.tensors)
}
