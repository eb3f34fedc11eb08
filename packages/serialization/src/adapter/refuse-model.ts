/** What is no adapter but a model is told as such, with what loads it. */
import { EspalierError } from '@espalier/core'
import { type ModelFiles, readJson } from '../files/model-files.js'

/** Throws file.missing for the folder of a model. name: of the adapter's configuration. */
export async function refuseModel(files: ModelFiles, name: string): Promise<void> {
  if ((await files.exists(name)) || !(await files.exists('config.json'))) return
  throw new EspalierError('file.missing', {
    what: 'this is a model, and no adapter',
    got: { file: name, folder: files.description },
    fix: `Load it with ${await modelClass(files)}, on the command line as --model`,
  })
}

const CLASSES: Readonly<Record<string, string>> = {
  LMHeadModel: 'AutoModelForCausalLM',
  ForCausalLM: 'AutoModelForCausalLM',
  ForConditionalGeneration: 'AutoModelForSeq2SeqLM',
  ForSequenceClassification: 'AutoModelForSequenceClassification',
  ForTokenClassification: 'AutoModelForTokenClassification',
  ForQuestionAnswering: 'AutoModelForQuestionAnswering',
}

/** The class for what the model was saved from. */
async function modelClass(files: ModelFiles): Promise<string> {
  const config = await readJson(files, 'config.json').catch(() => undefined)
  const { architectures } = (config ?? {}) as { readonly architectures?: unknown }
  const saved = String(Array.isArray(architectures) ? architectures[0] : '')
  return Object.entries(CLASSES).find(([end]) => saved.endsWith(end))?.[1] ?? 'AutoModel'
}
