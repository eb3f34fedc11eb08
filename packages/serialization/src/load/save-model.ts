/** A model with all its weights as an ordinary Hugging Face folder: after training all parameters, or after a merge. */
import {
  type BaseModel,
  CausalLM,
  type HostTensor,
  type Model,
  namedParameters,
  ownParameters,
  parameterUses,
} from '@espalier/core'
import { pythonJson } from '../adapter/python-json.js'
import { openTarget, type Target } from '../files/open-source.js'
import { textContent, type WriteOptions } from '../files/output-folder.js'
import { writeSafetensors } from '../safetensors/writer.js'
import { sourceToWrite, tensorToWrite } from './save-adapter.js'

/** Options of saveModel. values: parameters that replace the model's own, by path. files: more text files to write, such as generation_config.json. */
export interface SaveModelOptions extends WriteOptions {
  readonly values?: ReadonlyMap<string, HostTensor>
  readonly files?: Readonly<Record<string, string>>
}

/** Writes model.safetensors and, last, config.json. Weights stream from where they are, one at a time. Throws file.write, or the signal's reason. */
export async function saveModel(
  { model, config }: Pick<BaseModel, 'model' | 'config'>,
  target: Target,
  options: SaveModelOptions = {},
): Promise<void> {
  const { values = new Map<string, HostTensor>(), files = {}, signal } = options
  const output = openTarget(target)
  const tensors = [...namedParameters(model).values()].map((parameter) => {
    const value = values.get(parameter.path)
    return value === undefined ? sourceToWrite(parameter.path, parameter.source) : tensorToWrite(parameter.path, value)
  })
  await writeSafetensors(output, 'model.safetensors', tensors, { signal })
  for (const [name, text] of Object.entries(files)) await output.write(name, textContent(text), { signal })
  const types = new Set(tensors.map((tensor) => tensor.dtype))
  const dtype = types.has('F32') ? 'float32' : types.has('BF16') ? 'bfloat16' : 'float16'
  const { torch_dtype: _, ...rest } = config
  await output.write(
    'config.json',
    textContent(`${pythonJson({ ...rest, ...tying(model, config), architectures: [model.className], dtype })}\n`),
    { signal },
  )
}

// A head that merging gave a weight of its own: whoever reads the configuration must not tie it again. Some families tie by default.
function tying(model: Model, config: BaseModel['config']): Readonly<Record<string, unknown>> {
  if (!(model instanceof CausalLM) || config.tie_word_embeddings === false) return {}
  const head = new Set(ownParameters(model.head()))
  const uses = parameterUses(model).filter(({ parameter }) => head.has(parameter))
  return head.size > 0 && uses.length === head.size ? { tie_word_embeddings: false } : {}
}
