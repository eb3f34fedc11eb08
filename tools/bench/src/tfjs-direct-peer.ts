/** The other side of the benchmark of tfjs: a training step written in tfjs alone. Arguments: model folder, JSON of the setting. Driven line by line on stdin. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { openSource, openWeights, readAdapter, readFloats } from '@espalier/serialization'
import type * as Tfjs from '@tensorflow/tfjs-core'
import { directLoss, type LlamaConfig, type LlamaParts, type LoraPair, type Tf } from './tfjs-direct-model.js'

interface Setting {
  /** The project that has tfjs-node. */
  readonly tfjs: string
  readonly learningRate: number
  readonly maxGradNorm: number
}

type Request =
  | { readonly do: 'adapter'; readonly folder: string }
  | { readonly do: 'step'; readonly rows: readonly { readonly input_ids: readonly number[] }[] }
  | { readonly do: 'memory'; readonly rows: readonly { readonly input_ids: readonly number[] }[] }
  | { readonly do: 'end' }

const [folder = '', text = '{}'] = process.argv.slice(2)
const setting = JSON.parse(text) as Setting
const tf = createRequire(join(setting.tfjs, 'package.json'))('@tensorflow/tfjs-node') as Tf

/** Every tensor of a folder, matrices turned to (in, out) but for the table of the vocabulary. */
async function weightsOf(path: string): Promise<Map<string, Tfjs.Tensor>> {
  const files = await openWeights(await openSource(path))
  const weights = new Map<string, Tfjs.Tensor>()
  for (const [name, tensor] of files.tensors) {
    const values = tf.tensor(readFloats(tensor.dtype, await tensor.read()), [...tensor.shape])
    const turned = tensor.shape.length === 2 && !name.includes('embed_tokens')
    weights.set(name, turned ? values.transpose() : values)
    if (turned) values.dispose()
  }
  await files.close()
  return weights
}

/** The adapter's matrices as variables, by the path of their module. */
async function adaptersOf(path: string): Promise<{ adapters: Map<string, LoraPair>; scale: number }> {
  const files = await readAdapter(await openSource(path))
  const { r, lora_alpha } = files.values as { r: number; lora_alpha: number }
  const variable = async (name: string) => {
    const tensor = files.tensors.get(name) as NonNullable<ReturnType<typeof files.tensors.get>>
    return tf.variable(tf.tensor(readFloats(tensor.dtype, await tensor.read()), [...tensor.shape]))
  }
  const modules = [...files.tensors.keys()].filter((name) => name.endsWith('.lora_A.weight'))
  const adapters = new Map<string, LoraPair>()
  for (const name of modules) {
    const module = name.replace('.lora_A.weight', '')
    adapters.set(module, { a: await variable(name), b: await variable(`${module}.lora_B.weight`) })
  }
  await files.close()
  return { adapters, scale: lora_alpha / r }
}

const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as LlamaConfig
const weights = await weightsOf(folder)
const optimizer = tf.train.adam(setting.learningRate, 0.9, 0.999, 1e-8)
let parts: LlamaParts | undefined

function step(rows: readonly { readonly input_ids: readonly number[] }[]): number {
  const ids = tf.tensor2d(
    rows.map(({ input_ids }) => [...input_ids]),
    undefined,
    'int32',
  )
  const { value, grads } = tf.variableGrads(() => directLoss(tf, parts as LlamaParts, ids))
  const clipped = tf.tidy(() => {
    const norm = tf.addN(Object.values(grads).map((gradient) => gradient.square().sum())).sqrt()
    const factor = tf.minimum(1, tf.div(setting.maxGradNorm, norm.add(1e-6)))
    return Object.fromEntries(Object.entries(grads).map(([name, gradient]) => [name, gradient.mul(factor)]))
  })
  optimizer.applyGradients(clipped as Tfjs.NamedTensorMap as never) // declared for variables; gradients are tensors
  const loss = value.dataSync()[0] as number
  tf.dispose([ids, value, grads, clipped])
  return loss
}

const answer = (value: object) => process.stdout.write(`${JSON.stringify(value)}\n`)

async function handle(request: Request): Promise<boolean> {
  if (request.do === 'adapter') {
    parts = { config, weights, ...(await adaptersOf(request.folder)) }
    answer({ ready: true })
  } else if (request.do === 'step') {
    const began = performance.now()
    const loss = step(request.rows)
    answer({ loss, seconds: (performance.now() - began) / 1000 })
  } else if (request.do === 'memory') {
    const { peakBytes, kernels } = await tf.profile(() => {
      step(request.rows)
      return tf.scalar(0)
    })
    answer({ peakBytes, kernels: kernels.length, numTensors: tf.memory().numTensors })
  } else return false
  return true
}

answer({ ready: true })
for await (const line of createInterface({ input: process.stdin }))
  if (!(await handle(JSON.parse(line) as Request))) break
