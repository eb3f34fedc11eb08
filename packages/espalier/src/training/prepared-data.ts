/** The data of a run, tokenized and planned once: preflight, training and evaluation use the same. */
import { checkTokenizerFits, type DataRow, type Dataset, loadDataset, prepareSft, type Tokenizer } from '@espalier/data'
import type { SFTConfig } from './sft-config.js'
import { evaluationPlan, type PlannedRows, planFor, rowsPerStep } from './sft-steps.js'

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
  readonly vocabularySize: number
  readonly args: SFTConfig
  readonly signal?: AbortSignal | undefined
}

/** Tokenizes and plans. Throws data.*, tokenizer.unfit, config.value, or the signal's reason. */
export async function prepareData(request: DataToPrepare): Promise<PreparedData> {
  const { tokenizer, trainDataset, evalDataset, vocabularySize, args, signal } = request
  checkTokenizerFits(tokenizer, vocabularySize)
  const { maxLength, completionOnlyLoss } = args
  const options = {
    ...(maxLength === undefined ? {} : { maxLength }),
    ...(completionOnlyLoss === undefined ? {} : { completionOnlyLoss }),
    ...(signal === undefined ? {} : { signal }),
  }
  const data = await prepareSft(datasetOf(trainDataset), tokenizer, options)
  const train = { data, plan: planFor(data, rowsPerStep(args), args) }
  const rows = evalDataset === undefined ? undefined : await prepareSft(datasetOf(evalDataset), tokenizer, options)
  return {
    tokenizer,
    train,
    evaluation: rows === undefined ? undefined : { data: rows, plan: evaluationPlan(rows, train.plan, args) },
    padId: tokenizer.padTokenId ?? tokenizer.eosTokenId ?? 0,
  }
}

function datasetOf(rows: TrainRows): Dataset<DataRow> {
  return 'placedRows' in rows ? rows : loadDataset(rows as Iterable<DataRow>)
}
