/** The options of loading models and adapters at run time: those that exist, and those of transformers and PEFT that do not. */
import { checkOptions, type OptionKinds } from '@espalier/core'
import type { GetPeftModelOptions, LoadAdapterIntoOptions, PeftFromPretrainedOptions } from '../model/peft-model.js'
import type { FromPretrainedOptions } from './auto-model.js'
import type { AutoPeftOptions } from './auto-peft-model.js'

const MODEL: OptionKinds<FromPretrainedOptions> = {
  signal: 'signal',
  onProgress: 'function',
  environment: 'object',
  backend: 'object',
  architectures: 'array',
  quantizationConfig: 'object',
  loadIn4bit: 'boolean',
  loadIn8bit: 'boolean',
  quantizers: 'array',
  tokenizer: 'any', // a source
  labels: ['array', 'number'],
  problemType: 'string',
  seed: 'seed',
  dtype: 'string',
}

const ADAPTER: OptionKinds<LoadAdapterIntoOptions> = {
  signal: 'signal',
  onProgress: 'function',
  environment: 'object',
  adapterName: 'string',
  tuners: 'array',
  subfolder: 'string',
  isTrainable: 'boolean',
  strict: 'boolean',
}

const NEW_ADAPTER: OptionKinds<GetPeftModelOptions> = {
  adapterName: 'string',
  seed: 'seed',
  metadata: 'object',
  expected: 'any',
  ofBase: 'any',
  isTrainable: 'boolean',
}

const { adapterName, tuners, subfolder, isTrainable } = ADAPTER
const AUTO_PEFT: OptionKinds<AutoPeftOptions> = { ...MODEL, adapterName, tuners, subfolder, isTrainable, base: 'any' }

const HUB = {
  revision: 'Name it behind the repository: owner/name@revision',
  token: 'Set HF_TOKEN',
  cacheDir: 'Set HF_HOME',
  localFilesOnly: 'Set HF_HUB_OFFLINE=1',
  trustRemoteCode: 'Leave it out: no code of a repository is ever run',
}

const NO_DEVICES = 'Give a backend: { backend: onnx() }'

const OTHERS = {
  ...HUB,
  torchDtype: "Set dtype: 'float32' or 'float16'",
  deviceMap: NO_DEVICES,
  device: NO_DEVICES,
  numLabels: 'Set labels: their number, or their names',
  attnImplementation: 'Leave it out: the backend chooses',
  lowCpuMemUsage: 'Leave it out: weights are never read before they are needed',
}

/** Throws config.* for options of an Auto class that do not exist, or are of another kind. */
export function checkModelOptions(options: FromPretrainedOptions): void {
  checkOptions('fromPretrained', options, MODEL, OTHERS)
}

/** The same for an AutoPeft class. */
export function checkAutoPeftOptions(options: AutoPeftOptions): void {
  checkOptions('fromPretrained', options, AUTO_PEFT, OTHERS)
}

/** The same for `PeftModel.fromPretrained`. */
export function checkPeftOptions(options: PeftFromPretrainedOptions): void {
  checkOptions('fromPretrained', options, { ...ADAPTER, ownsBase: 'boolean' }, HUB)
}

/** The same for `loadAdapter`. */
export function checkAdapterOptions(options: LoadAdapterIntoOptions): void {
  checkOptions('loadAdapter', options, ADAPTER, HUB)
}

/** The same for `getPeftModel`. */
export function checkNewAdapterOptions(options: GetPeftModelOptions): void {
  checkOptions('getPeftModel', options, NEW_ADAPTER)
}
