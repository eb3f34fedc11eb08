/** A model with all its weights as an ordinary Hugging Face folder: after training all parameters, or after a merge. */
import { type BaseModel, type HostTensor, namedParameters } from '@espalier/core'
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
    textContent(`${pythonJson({ ...rest, architectures: [model.className], dtype })}\n`),
    { signal },
  )
}
