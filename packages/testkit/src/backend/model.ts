/** A whole small model, as trees are traced: its weights from files in f32, the model in each float dtype that a backend lists. */
import {
  type Backend,
  type BaseModel,
  feed,
  gradients,
  type HostTensor,
  hostTensor,
  namedParameters,
  type Program,
  passOf,
  type Tensor,
  weightRequests,
} from '@espalier/core'
import type { Check } from '../check.js'
import { gradientTolerance } from '../check-gradients.js'
import { expectClose } from '../compare.js'
import { weightedSum } from '../graph-case.js'
import { halfModel, testModel } from '../tuner/test-model.js'

const IDS = hostTensor('i32', [2, 3], [0, 1, 2, 5, 4, 6])
const models = { f32: testModel, f16: halfModel } as const
const ALLOWED = { f32: 3e-5, f16: 2e-2 } as const // as in parity.ts

/** Checks of a model's logits and of the gradient of each of its weights. */
export function modelChecks(backend: () => Promise<Backend>, judge: Backend, dtypes: readonly string[]): Check[] {
  return (['f32', 'f16'] as const)
    .filter((dtype) => dtypes.includes(dtype))
    .map((dtype) => ({
      name: `a model in ${dtype}: logits and the gradient of every weight`,
      async run() {
        const base = models[dtype]()
        const [got, want] = [await results(await backend(), base), await results(judge, base)]
        for (const [name, tensor] of Object.entries(want))
          expectClose(got[name], tensor, gradientTolerance(tensor, ALLOWED[dtype]), `${name} of a model in ${dtype}`)
      },
    }))
}

async function results(backend: Backend, { model }: BaseModel): Promise<Record<string, HostTensor>> {
  const { ids, context } = passOf({ input_ids: feed('input_ids', 'i32', IDS.shape) }, true)
  const logits = model.forward(ids, context)
  const parameters = [...namedParameters(model)]
  const found = gradients(
    weightedSum([logits]),
    parameters.map(([, { value }]) => value),
  )
  const slopes = parameters.map(([name], i) => [`gradient of ${name}`, found[i] as Tensor] as const)
  const program: Program = { name: 'model', outputs: { logits, ...Object.fromEntries(slopes) } }
  const weights = await backend.loadWeights(weightRequests(model))
  const executable = await backend.compile(program, { weights })
  try {
    return await executable.run({ feeds: { input_ids: IDS } })
  } finally {
    executable.release()
    weights.release()
  }
}
