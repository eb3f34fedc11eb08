/** What a checkpoint is, by config.json alone: before anything of its weights is looked for. */
import type { Architecture, TaskType } from '@espalier/core'
import {
  architectureFor,
  type HfConfig,
  type HubOptions,
  openSource,
  readModelConfig,
  type Source,
  taskOf,
} from '@espalier/serialization'
import { settle } from '../platform/settle/node.js'
import { knownArchitectures } from './architectures.js'
import { ggufSource } from './gguf-source.js'

/** A checkpoint. */
export interface Checkpoint {
  readonly config: HfConfig
  readonly architecture: Architecture
  /** The task that it was saved for; the architecture's first where its class says none that exists here. */
  readonly task: TaskType
  /** Where it is, for messages. */
  readonly file: string
}

/** Reads it; undefined where there is no config.json, of which loading says more. Throws what reading config.json throws. */
export async function readCheckpoint(
  source: Source,
  options: Omit<HubOptions, 'onProgress'>,
): Promise<Checkpoint | undefined> {
  const from = (await ggufSource(source))?.files ?? source
  await settle(from, options)
  const files = await openSource(from, { ...options, groups: ['config'] })
  if (!(await files.exists('config.json'))) return undefined
  const architectures = await knownArchitectures()
  const config = await readModelConfig(files, { knownTypes: architectures.map(({ modelType }) => modelType) })
  const architecture = architectureFor(config.modelType, architectures, files.description)
  return { config, architecture, task: taskOf(config, architecture), file: files.description }
}

/** The task of a family of models that are there to write texts; undefined of others. */
export function writingTask({ tasks: [first] }: Pick<Architecture, 'tasks'>): TaskType | undefined {
  return first === 'CAUSAL_LM' || first === 'SEQ_2_SEQ_LM' ? first : undefined
}
