/** The benchmark of the tfjs backend: a LoRA step on tfjs-node through Espalier, and the same model written directly in tfjs with its own gradients. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { initialValues, ParameterScope, Random } from '@espalier/core'
import { llama } from '@espalier/models'
import { saveModel } from '@espalier/serialization'
import { linkedProject } from '@espalier-tools/tfjs-node'
import type { Finding } from './finding.js'
import { interleave } from './interleave.js'
import { median, Peer } from './peer.js'
import { denseRows, sizesOf } from './rows.js'
import { bundled, espalier, type Setup } from './setup.js'

const SMALL = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  vocab_size: 8192,
  hidden_size: 256,
  intermediate_size: 688,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 512,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  tie_word_embeddings: true,
}
const LOSS_TOLERANCE = 1e-3
const MEGABYTE = 1e6
const MEMORY = { TF_CPP_MIN_LOG_LEVEL: '3' } // TensorFlow's advice, once a side

/** A small Llama at 4 x 128, then SmolLM2-135M at 1 x 128. */
export async function onTfjs(setup: Setup): Promise<Finding[]> {
  const project = linkedProject('tfjs-node')
  const small = await mkdtemp(join(tmpdir(), 'espalier-bench-tfjs-'))
  try {
    const model = llama.build(SMALL, new ParameterScope(initialValues(new Random(1))), 'CAUSAL_LM')
    await saveModel({ model, config: SMALL }, small)
    return [
      ...(await compared({ ...setup, model: small }, project, 'small', [4, 128, SMALL.vocab_size])),
      ...(await compared(setup, project, 'SmolLM2', [1, 128, 40_000])),
    ]
  } finally {
    await rm(small, { recursive: true })
  }
}

interface Step {
  readonly loss: number
  readonly seconds: number
}

async function compared(
  setup: Setup,
  project: string,
  title: string,
  [batch, length, vocabulary]: readonly [number, number, number],
): Promise<Finding[]> {
  const rows = denseRows(batch, length, vocabulary)
  const adapter = await mkdtemp(join(tmpdir(), 'espalier-bench-adapter-'))
  const settings = { threads: setup.threads, tfjs: project, sizes: sizesOf(rows), stepRows: batch }
  const direct = JSON.stringify({ tfjs: project, learningRate: 1e-4, maxGradNorm: 1 })
  const sides = [
    await espalier(setup, settings, MEMORY),
    await Peer.start('tfjs', process.execPath, [await bundled('tfjs-direct-peer'), setup.model, direct], MEMORY),
  ] as const
  await sides[0].ask({ do: 'save', folder: adapter })
  await sides[1].ask({ do: 'adapter', folder: adapter })
  const losses: [number[], number[]] = [[], []]
  const times = await interleave(
    setup,
    sides,
    () => rows,
    (side, { loss }: Step) => losses[side as 0 | 1].push(loss),
  )
  const peaks = sides.map((side) => side.peakBytes / MEGABYTE) as [number, number]
  const held: { peakBytes: number; kernels: number }[] = []
  for (const side of sides) held.push(await side.ask({ do: 'memory', rows }))
  await Promise.all(sides.map((side) => side.end()))
  await rm(adapter, { recursive: true })
  const [own, theirs] = times.map(median) as [number, number]
  const [ours, direct_] = held as [(typeof held)[0], (typeof held)[0]]
  const apart = Math.max(...losses[0].map((loss, i) => Math.abs(loss - (losses[1][i] ?? Number.NaN))))
  return [
    { name: `${title}: espalier on tfjs-node`, value: (batch * length) / own, unit: 'tokens/s' },
    { name: `${title}: tfjs alone`, value: (batch * length) / theirs, unit: 'tokens/s' },
    { name: `${title}: speed against tfjs alone`, value: theirs / own, unit: 'x', target: { atLeast: 1 } },
    { name: `${title}: largest difference of a loss`, value: apart, unit: '', target: { atMost: LOSS_TOLERANCE } },
    { name: `${title}: espalier peak memory`, value: peaks[0], unit: 'MB' },
    { name: `${title}: tfjs alone, peak memory`, value: peaks[1], unit: 'MB' },
    { name: `${title}: memory against tfjs alone`, value: peaks[0] / peaks[1], unit: 'x', target: { atMost: 1 } },
    { name: `${title}: espalier most bytes in tensors`, value: ours.peakBytes / MEGABYTE, unit: 'MB' },
    { name: `${title}: tfjs alone, most bytes in tensors`, value: direct_.peakBytes / MEGABYTE, unit: 'MB' },
    { name: `${title}: espalier kernels in a step`, value: ours.kernels, unit: '' },
    { name: `${title}: tfjs alone, kernels in a step`, value: direct_.kernels, unit: '' },
  ]
}
