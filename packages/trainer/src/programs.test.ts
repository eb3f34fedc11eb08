/** The programs as graphs: what they hold while they run. */
import {
  CausalLM,
  causalLoss,
  type Embedding,
  FullModel,
  hostTensor,
  initialValues,
  Linear,
  type ModelSizes,
  memorySource,
  Parameter,
  ParameterScope,
  peakMemory,
  programRoots,
  Random,
  type RmsNorm,
  type Tensor,
} from '@espalier/core'
import { RowScaledWeight } from '@espalier/core/adapted/row-scaled-weight.fake'
import { describe, expect, it } from 'vitest'
import { sgd } from './optimizers/sgd.js'
import { parameterGroups } from './parameter-groups.js'
import { accumulateProgram } from './programs.js'
import { toyBatch } from './toy-model.fake.js'

const [LAYERS, SIZE, VOCABULARY] = [6, 64, 11]

/** Int8 layers with a norm before each; the norms train. */
class Quantized extends CausalLM {
  readonly className = 'QuantizedForCausalLM'
  readonly sizes: ModelSizes = {
    vocabularySize: VOCABULARY,
    hiddenSize: SIZE,
    layerCount: LAYERS,
    headCount: 1,
    groupCount: 1,
    headSize: SIZE,
    maxPositions: null,
  }

  constructor(
    readonly embed: Embedding,
    readonly norms: readonly RmsNorm[],
    readonly layers: readonly Linear[],
    readonly lm_head: Linear,
  ) {
    super()
  }

  hidden(ids: Tensor): Tensor {
    return this.norms.reduce((x, norm, i) => this.layers[i]?.forward(norm.forward(x)) ?? x, this.embed.forward(ids))
  }

  head(): Linear {
    return this.lm_head
  }
}

function quantized(): FullModel {
  const scope = new ParameterScope(initialValues(new Random(1)))
  const coded = (path: string) => {
    const [codes, scales] = [hostTensor('i8', [SIZE, SIZE]), hostTensor('f32', [SIZE, 1])]
    return new RowScaledWeight(
      new Parameter(path, 'i8', codes.shape, memorySource(codes)),
      new Parameter(`${path}_scale`, 'f32', scales.shape, memorySource(scales)),
    )
  }
  const model = new Quantized(
    scope.embedding('embed', VOCABULARY, SIZE, 1),
    Array.from({ length: LAYERS }, (_, i) => scope.rmsNorm(`norms.${i}`, SIZE, 1e-6)),
    Array.from({ length: LAYERS }, (_, i) => new Linear(coded(`layers.${i}.weight`), null)),
    scope.linear('lm_head', SIZE, VOCABULARY, { bias: false, deviation: 1 }),
  )
  return new FullModel(model, (path) => path.startsWith('norms'))
}

describe('accumulateProgram', () => {
  it('holds no decoded weight from the forward to the backward', async () => {
    const model = quantized()
    const groups = parameterGroups(await model.trainable(), { optimizer: sgd(), weightDecay: () => 0 })
    const program = accumulateProgram({ model: model.model, loss: causalLoss }, groups, toyBatch([[1, 2, 3]], 3).feeds)
    const { intermediates } = peakMemory(programRoots(program))
    // One as codes that were widened and one scaled; activations are small beside them.
    expect(intermediates).toBeLessThan(3 * SIZE * SIZE * 4)
  })
})
