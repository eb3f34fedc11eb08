/** This side of the exchange: making, saving and loading adapters, logits, and steps of training. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  AdaptedModel,
  type Adapter,
  type Backend,
  configureFromFile,
  feed,
  type HostTensor,
  hostTensor,
  initialValues,
  type LayerTuner,
  lossOf,
  type ModelInputs,
  ParameterScope,
  passOf,
  Random,
  sizeOf,
  weightRequests,
} from '@espalier/core'
import { lora } from '@espalier/lora'
import { architectures, bert, llama } from '@espalier/models'
import { type LoadedModel, loadAdapter, loadModel, saveAdapter, saveModel } from '@espalier/serialization'
import { sgd, TrainingSession } from '@espalier/trainer'
import { adalora } from '@espalier/tuner-adalora'
import { ia3 } from '@espalier/tuner-ia3'
import { loha } from '@espalier/tuner-loha'
import { vera } from '@espalier/tuner-vera'
import { type ExchangeCase, inputIds, training } from './plan.js'

/** The methods that are exchanged. */
export const tuners: Readonly<Record<ExchangeCase['method'], LayerTuner>> = { lora, ia3, loha, vera, adalora }
const SPREAD = 0.2 // of random adapter values: large enough to move every logit

const rows = inputIds.length
const length = inputIds[0]?.length ?? 0
const ids = hostTensor('i32', [rows, length], inputIds.flat())

/** A base model. */
export function loadBase(folder: string): Promise<LoadedModel> {
  return loadModel(folder, { architectures })
}

/** Writes a base model like the one in `like` with more layers and random weights. */
export async function writeDeepBase(like: string, folder: string): Promise<void> {
  const text = await readFile(join(like, 'config.json'), 'utf8')
  const config = { ...(JSON.parse(text) as Record<string, unknown>), num_hidden_layers: 4 }
  const scope = new ParameterScope(initialValues(new Random(1)))
  await saveModel({ model: llama.build(config, scope, 'CAUSAL_LM'), config }, folder)
}

/** Writes the encoder in `like` with a head for masked tokens and random weights. */
export async function writeMaskedBase(like: string, folder: string): Promise<void> {
  const config = JSON.parse(await readFile(join(like, 'config.json'), 'utf8')) as Record<string, unknown>
  const scope = new ParameterScope(initialValues(new Random(2)))
  await saveModel({ model: bert.build(config, scope, 'MASKED_LM'), config }, folder)
}

/** Makes the case's adapter with random values, saves it, and gives its logits of token ids, the fixed ones unless others are given. */
export async function makeOurs(
  base: LoadedModel,
  { method, config }: Pick<ExchangeCase, 'method' | 'config'>,
  folder: string,
  backend: Backend,
  tokens: HostTensor = ids,
  toDecoder?: boolean,
): Promise<Float32Array> {
  const adapted = new AdaptedModel(base)
  const adapter = adapted.addAdapter('default', configureFromFile(tuners[method], config))
  const values = [...adapter.specs].map(
    ([key, { shape }]) => [key, hostTensor('f32', shape, new Random(9).at(key).normal(sizeOf(shape), SPREAD))] as const,
  )
  adapter.setValues(new Map(values))
  await saveAdapter(adapted, folder)
  return logitsOf(adapted, backend, tokens, toDecoder)
}

/** Loads an adapter. */
export async function loadTheirs(base: LoadedModel, folder: string): Promise<AdaptedModel> {
  const { model, warnings } = await loadAdapter(base, folder, { tuners: Object.values(tuners) })
  if (warnings.length > 0) throw new Error(`warnings on loading ${folder}: ${warnings.join('; ')}`)
  return model
}

/** The values of a model's adapter. */
export function valuesOf(adapted: AdaptedModel): Promise<ReadonlyMap<string, HostTensor>> {
  return firstAdapter(adapted).values()
}

/**
 * Logits of token ids, the fixed ones unless others are given, or what else the head gives, flat. tokens: (rows, length).
 * toDecoder: whether a decoder behind an encoder reads them too.
 */
export async function logitsOf(
  adapted: AdaptedModel,
  backend: Backend,
  tokens: HostTensor = ids,
  toDecoder: boolean = adapted.model.task === 'SEQ_2_SEQ_LM',
): Promise<Float32Array> {
  const { model } = adapted
  const read = feed('input_ids', 'i32', tokens.shape)
  const both: ModelInputs = toDecoder ? { decoder_input_ids: read } : {}
  const pass = passOf({ input_ids: read, ...both }, model.causal)
  const weights = await backend.loadWeights(weightRequests(model))
  const outputs = { logits: model.forward(pass.ids, pass.context) }
  const executable = await backend.compile({ name: 'logits', outputs }, { weights })
  const state = await Promise.all(
    adapted.boundAdapters.map(async ({ adapter, prefix }) => ({ set: await adapter.stateOn(backend), prefix })),
  )
  const { logits } = await executable.run({ feeds: { input_ids: tokens }, state })
  return logits?.data as Float32Array
}

/** Trains the model's adapter by plain gradient descent on the fixed ids. */
export async function train(adapted: AdaptedModel, steps: number, backend: Backend): Promise<void> {
  const session = await TrainingSession.open({
    model: adapted.trainable(),
    backend,
    weights: await backend.loadWeights(weightRequests(adapted.model)),
    loss: lossOf(adapted.model),
    optimizer: sgd(),
    clips: false,
    weightDecay: () => 0,
  })
  // Every token but a row's first is a target.
  const counted = inputIds.flatMap((row, i) => row.slice(1).map((token, j) => ({ token, at: i * length + j })))
  const count = counted.length
  const feeds = {
    input_ids: ids,
    counted_indices: hostTensor(
      'i32',
      [count],
      counted.map(({ at }) => at),
    ),
    counted_targets: hostTensor(
      'i32',
      [count],
      counted.map(({ token }) => token),
    ),
    counted_weights: hostTensor('f32', [count], new Float32Array(count).fill(1)),
  }
  for (let step = 1; step <= steps; step++) {
    await session.accumulate({ feeds, count, tokens: ids.data.length }, 0)
    await session.apply({ step, count, learningRate: training.learningRate, maxGradNorm: 0 })
  }
  await session.commit()
  await session.close()
}

function firstAdapter(adapted: AdaptedModel): Adapter {
  return adapted.adapter(adapted.adapterNames[0] ?? '')
}
