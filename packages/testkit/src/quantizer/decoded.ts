/** Running the graph of a weight. */
import {
  type Backend,
  type HostTensor,
  Linear,
  reference,
  type Tensor,
  type Weight,
  weightRequests,
} from '@espalier/core'

/** The floats of a weight as a backend decodes them; the reference executor's when left out. */
export async function decoded(weight: Weight, backend: Backend = reference()): Promise<HostTensor> {
  const { value } = await runOn(weight, { value: weight.value() }, {}, backend)
  return value as HostTensor
}

/** Outputs of a graph over a weight and feeds. */
export async function runOn(
  weight: Weight,
  outputs: Readonly<Record<string, Tensor>>,
  feeds: Readonly<Record<string, HostTensor>>,
  backend: Backend = reference(),
): Promise<Record<string, HostTensor>> {
  const weights = await backend.loadWeights(weightRequests(new Linear(weight, null)))
  try {
    const executable = await backend.compile({ name: 'weight', outputs }, { weights })
    try {
      return await executable.run({ feeds })
    } finally {
      executable.release()
    }
  } finally {
    weights.release()
  }
}
