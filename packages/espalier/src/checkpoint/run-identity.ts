/** What a run is, so that who goes on with it can tell what has changed since it began. */
import { createHash } from 'node:crypto'
import { namedParameters } from '@espalier/core'
import { PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import type { DataFact, RunFacts } from '../run-folder/run-files.js'
import { tokenizerHashes } from '../run-folder/tokenizer-hashes.js'
import { argumentsInForce } from '../training/arguments-in-force.js'
import type { PreparedData } from '../training/prepared-data.js'
import type { TrainingArguments } from '../training/training-arguments.js'
import { examplesHash } from './examples-hash.js'
import { CONTENTS, LENGTHS } from './row-facts.js'

/** Plain values by name. */
export type Facts = Readonly<Record<string, unknown>>

/** Facts of a run, by area. Paths are none: files that moved are the same files. */
export interface RunIdentity {
  /** Arguments in force, by name. */
  readonly arguments: Facts
  /** The optimizer and its states; another loss or hook of a program cannot be told. */
  readonly optimizer: Facts
  /** Configurations of the adapters that the model has, as name.field. */
  readonly adapter: Facts
  /** Hashes of the base's files. */
  readonly base: Facts
  /** Dtypes and shapes in which the base is held, as one hash. */
  readonly weights: string
  /** Hashes of the tokenizer's files. */
  readonly tokenizer: Facts
  /** Hashes of the files of rows, in order, and of what the rows became. */
  readonly data: Facts
  readonly evaluationData: Facts
  readonly backend: string
  readonly versions: Facts
}

/** What an identity follows from. */
export interface RunToIdentify {
  readonly model: PeftModel | PretrainedModel
  readonly args: TrainingArguments
  readonly optimizer: { readonly name: string; readonly states: readonly string[] }
  readonly prepared: PreparedData
  readonly facts: RunFacts
}

/** The identity of a run. Throws what reading the tokenizer and the examples throws. */
export async function runIdentity({ model, args, optimizer, prepared, facts }: RunToIdentify): Promise<RunIdentity> {
  const { train, evaluation } = prepared
  const identity: RunIdentity = {
    arguments: argumentsInForce(args, { hasEvaluation: evaluation !== undefined }),
    optimizer: { name: optimizer.name, states: optimizer.states },
    adapter: model instanceof PeftModel ? adapterFacts(model) : {},
    base: facts.base.sha256 ?? {},
    weights: weightsHash(model instanceof PeftModel ? model.base : model),
    tokenizer: await tokenizerHashes(model),
    data: await dataFacts(facts.data, train),
    evaluationData: evaluation === undefined ? {} : await dataFacts(facts.evaluationData ?? [], evaluation),
    backend: model.backend.name,
    versions: facts.versions,
  }
  return JSON.parse(JSON.stringify(identity)) as RunIdentity // as a record gives it back
}

function adapterFacts({ peftConfig }: PeftModel): Facts {
  return Object.fromEntries(
    Object.entries(peftConfig).flatMap(([adapter, config]) =>
      Object.entries(config).flatMap(([field, value]) =>
        OF_FILES.includes(field) ? [] : [[`${adapter}.${field}`, value] as const],
      ),
    ),
  )
}

// A model that moved is the same one; its hashes tell.
const OF_FILES = ['baseModelNameOrPath', 'revision', 'inferenceMode']

function weightsHash({ model }: PretrainedModel): string {
  const lines = [...namedParameters(model)].map(
    ([path, { source }]) => `${path} ${source.dtype} ${source.shape.join(',')}`,
  )
  return sha256(lines.sort().join('\n'))
}

async function dataFacts(files: readonly DataFact[], { examples }: PreparedData['train']): Promise<Facts> {
  const sizes = [examples.lengths, examples.counts].map((values) => Array.from(values).join(','))
  return {
    files: files.flatMap(({ sha256: hash }) => hash ?? []),
    rows: examples.length,
    [LENGTHS]: sha256(sizes.join(';')),
    // Files are read once; their rows may be too many to be tokenized again.
    ...(files.length > 0 && files.every(({ sha256: hash }) => hash !== undefined)
      ? {}
      : { [CONTENTS]: await examplesHash(examples) }),
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
