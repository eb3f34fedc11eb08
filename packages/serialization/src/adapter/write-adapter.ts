/** Writing a PEFT adapter folder. Each file appears whole or not at all, and the configuration last: without it no loader opens the folder. */
import { type OutputFolder, textContent, type WriteOptions } from '../files/output-folder.js'
import { type TensorToWrite, writeSafetensors } from '../safetensors/writer.js'
import { toFileKey } from './keys.js'
import { modelCard } from './model-card.js'
import { pythonJson } from './python-json.js'
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS } from './read-adapter.js'

/** What to write of one adapter. */
export interface AdapterToWrite {
  /** `default` goes to the folder itself, others to a folder of their name. */
  readonly name: string
  /** adapter_config.json's values with the file's own key names. */
  readonly config: Readonly<Record<string, unknown>>
  /** Keys whose numbers Python holds as floats. */
  readonly floatKeys?: readonly string[]
  /** Tensors by path in the base model and name; the prefix is added here. */
  readonly tensors: Iterable<TensorToWrite>
  /** What the tensors' file tells besides; loaders read past it. */
  readonly metadata?: Readonly<Record<string, string>>
}

/** Writes an adapter as PEFT does; an existing README.md is brought up to date, but that of a model whose folder it is stays, where PEFT makes it an adapter's. Throws file.write, safetensors.*, or the signal's reason. */
export async function writeAdapter(
  output: OutputFolder,
  adapter: AdapterToWrite,
  options: WriteOptions = {},
): Promise<void> {
  const { name, config, floatKeys = [], metadata = {} } = adapter
  const folder = name === 'default' ? output : output.folder(name)
  const tensors = [...adapter.tensors].map((tensor) => ({ ...tensor, name: toFileKey(tensor.name) }))
  await writeSafetensors(folder, ADAPTER_WEIGHTS, tensors, { ...options, metadata: { format: 'pt', ...metadata } })
  const text = (key: string) => (typeof config[key] === 'string' ? (config[key] as string) : null)
  const facts = {
    baseModel: text('base_model_name_or_path'),
    peftType: text('peft_type') ?? '',
    taskType: text('task_type'),
    peftVersion: text('peft_version') ?? 'unknown',
  }
  // One card for all adapters of a folder, as PEFT has it.
  const card = await output.readText('README.md')
  if (card === undefined || !(await isOfModel(output, card)))
    await output.write('README.md', textContent(modelCard(facts, card)), options)
  await folder.write(ADAPTER_CONFIG, textContent(pythonJson(config, (key) => floatKeys.includes(key))), options)
}

async function isOfModel(output: OutputFolder, card: string): Promise<boolean> {
  return !/^library_name: peft\s*$/m.test(card) && (await output.readText('config.json')) !== undefined
}
