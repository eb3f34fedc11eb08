/** The data of a run, tokenized and planned once: preflight, training and evaluation use the same. */
import { EspalierError, type ModelSizes } from '@espalier/core'
import {
  checkTokenizerFits,
  type DataRow,
  type Dataset,
  loadDataset,
  prepareSft,
  type SftData,
  type Tokenizer,
} from '@espalier/data'
import type { SFTConfig } from './sft-config.js'
import { evaluationPlan, type PlannedRows, planFor, rowsPerStep, stepsOf } from './sft-steps.js'

/** Rows to train on: a data set, or anything that can be gone through. */
export type TrainRows = Dataset<DataRow> | Iterable<object> | AsyncIterable<object>

/** Everything that comes from the data. */
export interface PreparedData {
  readonly tokenizer: Tokenizer
  readonly train: PlannedRows
  readonly evaluation: PlannedRows | undefined
  readonly padId: number
}

/** What is prepared. */
export interface DataToPrepare {
  readonly tokenizer: Tokenizer
  readonly trainDataset: TrainRows
  readonly evalDataset?: TrainRows | undefined
  /** Of the model. */
  readonly sizes: Pick<ModelSizes, 'vocabularySize' | 'maxPositions'>
  readonly args: SFTConfig
  readonly signal?: AbortSignal | undefined
}

/** Tokenizes and plans. Throws data.*, tokenizer.unfit, config.value, or the signal's reason. */
export async function prepareData(request: DataToPrepare): Promise<PreparedData> {
  const { tokenizer, trainDataset, evalDataset, sizes, args, signal } = request
  checkTokenizerFits(tokenizer, sizes.vocabularySize)
  const { maxLength, completionOnlyLoss } = args
  const options = {
    ...(maxLength === undefined ? {} : { maxLength }),
    ...(completionOnlyLoss === undefined ? {} : { completionOnlyLoss }),
    ...(signal === undefined ? {} : { signal }),
  }
  const data = await prepareSft(datasetOf(trainDataset), tokenizer, options)
  checkRowsFit(data, sizes)
  const limits = { ...args, maxPositions: sizes.maxPositions }
  const train = { data, plan: planFor(data, rowsPerStep(args), limits, stepsOf(data.length, args)) }
  const rows = evalDataset === undefined ? undefined : await prepareSft(datasetOf(evalDataset), tokenizer, options)
  if (rows !== undefined) checkRowsFit(rows, sizes)
  return {
    tokenizer,
    train,
    evaluation: rows === undefined ? undefined : { data: rows, plan: evaluationPlan(rows, train.plan, limits) },
    padId: tokenizer.padTokenId ?? tokenizer.eosTokenId ?? 0,
  }
}

/** Throws config.value when a row has more ids than the model has positions. */
function checkRowsFit({ lengths }: SftData, { maxPositions }: Pick<ModelSizes, 'maxPositions'>): void {
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0)
  if (maxPositions === null || longest <= maxPositions) return
  throw new EspalierError('config.value', {
    what: 'rows are longer than the model’s positions',
    got: { longest, maxPositions },
    fix: `Set maxLength to ${maxPositions} or less`,
  })
}

function datasetOf(rows: TrainRows): Dataset<DataRow> {
  return 'placedRows' in rows ? rows : loadDataset(rows as Iterable<DataRow>)
}
