/** The best values of a run that began without keeping them: as in transformers, those of the checkpoint of that evaluation. */
import { dirname, join } from 'node:path'
import type { HostTensor } from '@espalier/core'
import { stateKey, stateKinds, tensorsOf } from '@espalier/trainer'
import { checkpointName } from '../run-folder/run-names.js'
import type { CheckpointRecord } from './checked-record.js'
import { readCheckpoint } from './record.js'
import { readStateTensors } from './state-file.js'

/** Best values by `stateKey` that a checkpoint's own tensors lack and another one of its run beside it has; none where there is no such one. */
export async function bestBeside(
  path: string,
  { run, position: { best, step } }: CheckpointRecord,
  tensors: ReadonlyMap<string, HostTensor>,
): Promise<ReadonlyMap<string, HostTensor>> {
  if (best === null || best.step === step || tensorsOf(tensors, stateKinds.best).size > 0) return new Map()
  const beside = join(dirname(path), checkpointName(best.step))
  if ((await readCheckpoint(beside)).record?.run !== run) return new Map()
  const values = tensorsOf(await readStateTensors(beside), stateKinds.parameter)
  return new Map([...values].map(([slot, value]) => [stateKey(stateKinds.best, slot), value]))
}
