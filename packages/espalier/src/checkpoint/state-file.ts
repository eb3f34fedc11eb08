/** The tensors of a training state in a checkpoint's folder. */
import { EspalierError, type HostTensor, hostTensorFromBytes } from '@espalier/core'
import {
  coreDType,
  openSafetensors,
  openSource,
  openTarget,
  tensorToWrite,
  writeSafetensors,
} from '@espalier/serialization'
import type { TrainingState } from '@espalier/trainer'

/** What trains, the optimizer's states and what hooks keep. */
export const TRAINING_STATE = 'training_state.safetensors'

/** Writes the tensors of a state. Throws file.write. */
export async function writeStateTensors(folder: string, { tensors }: TrainingState): Promise<void> {
  const entries = [...tensors].map(([name, tensor]) => tensorToWrite(name, tensor))
  await writeSafetensors(openTarget(folder), TRAINING_STATE, entries)
}

/** Reads them. Throws checkpoint.unfit for a dtype that no state has, file.missing, safetensors.*. */
export async function readStateTensors(folder: string): Promise<ReadonlyMap<string, HostTensor>> {
  const file = await openSafetensors(await (await openSource(folder)).open(TRAINING_STATE))
  try {
    const tensors = new Map<string, HostTensor>()
    for (const [name, { dtype, shape }] of file.tensors) {
      const core = coreDType(dtype)
      if (core === undefined)
        throw new EspalierError('checkpoint.unfit', {
          what: 'a training state has a tensor of a dtype that no state has',
          got: { checkpoint: folder, tensor: name, dtype },
          fix: 'Go on from another checkpoint',
        })
      tensors.set(name, hostTensorFromBytes(core, shape, await file.read(name)))
    }
    return tensors
  } finally {
    await file.close()
  }
}
