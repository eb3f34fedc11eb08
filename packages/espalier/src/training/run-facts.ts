/** What a run is about, as its files tell it: what was asked for, which model and data, and what computes. */
import { parameterCount, snakeCase } from '@espalier/core'
import { packageVersion } from '../cli/version.js'
import { PeftModel } from '../model/peft-model.js'
import type { PretrainedModel } from '../model/pretrained-model.js'
import { baseHashes } from '../run-folder/base-hashes.js'
import { dependencyVersions } from '../run-folder/dependency-versions.js'
import { type DataFact, dataFact, type RunFacts } from '../run-folder/run-files.js'
import { tokenizerHashes } from '../run-folder/tokenizer-hashes.js'
import { argumentsInForce } from './arguments-in-force.js'
import type { TrainingArguments } from './training-arguments.js'

/** A path, or what a data set is called. */
export type RowsSource = { readonly file: string } | { readonly name: string }

/** What the facts follow from. */
export interface RunToTell {
  readonly model: PeftModel | PretrainedModel
  readonly args: TrainingArguments
  readonly hasEvaluation: boolean
  /** Where the rows come from: a path, or what their data set is called. */
  readonly data: RowsSource
  /** Undefined where there are none to evaluate on. */
  readonly evaluationData: RowsSource | undefined
  /** Number of values that train. */
  readonly trainableParameters: number
  /** What the data hold, in lines. */
  readonly supervision: readonly string[]
  /** What is known better. */
  readonly told: Partial<RunFacts>
}

/** The facts of a run. Reads headers and hashes; throws what reading the base's files throws. */
export async function runFacts(run: RunToTell): Promise<RunFacts> {
  const { model, args, hasEvaluation, trainableParameters, supervision, told } = run
  const isAdapter = model instanceof PeftModel
  return {
    config: optionsInForce(args, hasEvaluation),
    versions: { espalier: packageVersion(), node: process.version, ...(await dependencyVersions()) },
    backend: model.backend.name,
    base: {
      nameOrPath: model.loaded.nameOrPath,
      revision: model.loaded.revision,
      parameters: parameterCount(model instanceof PeftModel ? model.base.model : model.model),
      sha256: await baseHashes(model.loaded.files),
    },
    tokenizer: { sha256: await tokenizerHashes(model) },
    ...(isAdapter ? { adapter: { parameters: trainableParameters } } : {}),
    data: told.data ?? [await rowsFact(run.data)],
    ...(run.evaluationData === undefined
      ? {}
      : { evaluationData: told.evaluationData ?? [await rowsFact(run.evaluationData)] }),
    trainableParameters: isAdapter
      ? model.printTrainableParameters()
      : `training all ${trainableParameters.toLocaleString('en-US')} parameters`,
    supervision,
    ...told,
  }
}

async function rowsFact(data: RowsSource): Promise<DataFact> {
  return 'name' in data ? { path: data.name } : dataFact(data.file)
}

/** What was given over the defaults, by snake_case name. */
function optionsInForce(args: TrainingArguments, hasEvaluation: boolean): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(argumentsInForce(args, { hasEvaluation })).map(([name, value]) => [snakeCase(name), value]),
  )
}
