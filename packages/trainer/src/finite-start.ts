/** What a run starts with must be numbers: from what is not, nothing is learnt at any rate. */
import {
  EspalierError,
  type HostTensor,
  isFloat,
  type Module,
  namedParameters,
  readSource,
  type TrainableModel,
} from '@espalier/core'

/** Throws training.diverged, naming what trains and is not finite. */
export async function requireFiniteValues(trained: TrainableModel): Promise<void> {
  const broken = [...(await trained.trainable())].filter(([, value]) => !allFinite(value)).map(([slot]) => slot)
  if (broken.length === 0) return
  const named = namedParameters(trained.model)
  const file = broken.flatMap((slot) => named.get(slot)?.source.file ?? [])[0]?.path
  throw new EspalierError('training.diverged', {
    what: 'the values that would train are not finite numbers before the first step',
    got: {
      parameters: broken.map((slot) => slot.replace(/^adapter\d+:/, '')),
      ...(file === undefined ? {} : { file }),
    },
    fix: 'Start from other values, such as an earlier checkpoint: no learning rate mends these',
  })
}

/** Throws training.diverged, naming frozen weights that are not finite and the file of the first. Reads all of them: for runs whose first step failed. */
export async function requireFiniteWeights(model: Module): Promise<void> {
  const broken: string[] = []
  let file: string | undefined
  for (const [path, { slot, source }] of namedParameters(model)) {
    if (slot !== 'weight' || !isFloat(source.dtype) || allFinite(await readSource(source))) continue
    broken.push(path)
    file ??= source.file?.path
  }
  if (broken.length === 0) return
  throw new EspalierError('training.diverged', {
    what: 'weights of the model are not finite numbers',
    got: { weights: broken, ...(file === undefined ? {} : { file }) },
    fix: 'Load another base, or download it again: no learning rate mends these',
  })
}

function allFinite({ data }: HostTensor): boolean {
  return (data as Float32Array).every((value) => Number.isFinite(value))
}
