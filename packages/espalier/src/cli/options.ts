/**
 * Every option of the command line in one table: it drives parsing, --help and what a run says about values that differ from Python's.
 * Names are those of transformers, TRL and PEFT.
 */

/** What a value must be. `list` takes spaces or commas. */
export type OptionType = 'text' | 'texts' | 'number' | 'whole' | 'boolean' | 'list' | 'texts-or-text'

/** One option. `python`: what TRL, transformers or PEFT take when it is left out, and why we differ. */
export interface Option {
  readonly name: string
  readonly type: OptionType
  readonly help: string
  readonly commands: readonly string[]
  readonly choices?: readonly string[]
  readonly default?: string
  readonly python?: { readonly value: string; readonly why: string }
  /** Other spellings, in snake_case: TRL's own. */
  readonly aliases?: readonly string[]
  /** Not there yet: using it ends with 2 and this reason. */
  readonly planned?: string
}

const TRAIN = ['train']
const RUN = ['train', 'generate', 'eval']
const GENERATE = ['generate']

const flag = (
  name: string,
  type: OptionType,
  commands: readonly string[],
  help: string,
  more: Partial<Option> = {},
): Option => ({ name, type, commands, help, ...more })
const planned = (name: string, type: OptionType, help: string, reason = 'this does not exist yet'): Option => ({
  name,
  type,
  commands: TRAIN,
  help,
  planned: reason,
})

/** All options. */
export const options: readonly Option[] = [
  flag('model', 'text', [...RUN, 'merge'], 'hub id with optional @revision, or a folder', {
    aliases: ['model_name_or_path'],
  }),
  flag('model-revision', 'text', RUN, 'branch, tag or commit of the model', { aliases: ['revision'] }),
  flag('tokenizer', 'text', RUN, 'where the tokenizer is, when not beside the model'),
  flag('adapter', 'text', [...RUN, 'merge'], 'a PEFT adapter: to go on training, or to generate with'),
  flag('data', 'texts', ['train', 'eval'], '.jsonl .json .csv .tsv .txt', { aliases: ['dataset_name'] }),
  flag('text-field', 'text', ['train', 'eval'], 'column with the text', { aliases: ['dataset_text_field'] }),
  flag('prompt-field', 'text', ['train', 'eval'], 'column with the prompt'),
  flag('completion-field', 'text', ['train', 'eval'], 'column with what should follow the prompt'),
  flag('eval-data', 'text', TRAIN, 'rows to evaluate on'),
  flag('output-dir', 'text', [...TRAIN, 'merge', 'quickstart'], 'folder of the run'),
  flag('overwrite-output-dir', 'boolean', TRAIN, 'writes over a folder that already holds a run'),
  flag('inspect-data', 'boolean', TRAIN, 'says what the data holds, and stops'),
  flag('config', 'text', RUN, 'a YAML, JSON, TS or JS file with these options; options on the line win'),
  flag('peft-type', 'text', TRAIN, 'lora, or none to train all parameters', {
    default: 'lora',
    choices: ['lora', 'none'],
  }),
  flag('peft-config', 'text', TRAIN, 'an adapter_config.json to take the adapter’s settings from'),
  flag('lora-r', 'whole', TRAIN, 'rank', { default: '8' }),
  flag('lora-alpha', 'number', TRAIN, 'the update is scaled by alpha / r', { default: '8' }),
  flag('lora-dropout', 'number', TRAIN, 'share of inputs dropped before A', { default: '0' }),
  flag('lora-target-modules', 'texts-or-text', TRAIN, 'names, all-linear, or a regular expression for the whole path'),
  flag('bias', 'text', TRAIN, 'biases to train', { default: 'none', choices: ['none', 'all', 'lora_only'] }),
  flag('lora-bias', 'boolean', TRAIN, 'a bias on B'),
  flag('use-rslora', 'boolean', TRAIN, 'scales by alpha / sqrt(r)'),
  flag('init-lora-weights', 'text', TRAIN, 'true, false or gaussian', { default: 'true' }),
  flag('modules-to-save', 'list', TRAIN, 'modules trained and saved in full', { aliases: ['lora_modules_to_save'] }),
  flag('task-type', 'text', TRAIN, 'PEFT’s task type', { aliases: ['lora_task_type'], choices: ['CAUSAL_LM'] }),
  flag('max-length', 'whole', ['train', 'eval'], 'longest row in tokens; longer ones are cut at the end', {
    default: '1024',
  }),
  flag('per-device-train-batch-size', 'whole', TRAIN, 'rows of a step before accumulation', { default: '8' }),
  flag('per-device-eval-batch-size', 'whole', ['train', 'eval'], 'rows evaluated together', { default: '8' }),
  flag('gradient-accumulation-steps', 'whole', TRAIN, 'batches of one step', { default: '1' }),
  flag(
    'tokens-per-micro-batch',
    'whole',
    TRAIN,
    'most tokens that go through the model together; less takes less memory and changes no result',
  ),
  flag('learning-rate', 'number', TRAIN, 'rate at its highest', {
    default: '0.0002',
    python: { value: '2e-05', why: 'TRL’s is meant for training all parameters; adapters want ten times more' },
  }),
  flag('lr-scheduler-type', 'text', TRAIN, 'linear, cosine, constant...', { default: 'linear' }),
  flag('warmup-ratio', 'number', TRAIN, 'share of steps with a rising rate'),
  flag('warmup-steps', 'number', TRAIN, 'steps with a rising rate, or below 1 a share of them', { default: '0' }),
  flag('weight-decay', 'number', TRAIN, 'decoupled decay of what is neither bias nor norm', { default: '0' }),
  flag('adam-beta1', 'number', TRAIN, 'decay of the first moment', { default: '0.9' }),
  flag('adam-beta2', 'number', TRAIN, 'decay of the second moment', { default: '0.999' }),
  flag('adam-epsilon', 'number', TRAIN, 'added to the root of the second moment', { default: '1e-08' }),
  flag('max-grad-norm', 'number', TRAIN, 'gradients are clipped to this norm; 0: not', { default: '1.0' }),
  flag('optim', 'text', TRAIN, 'adamw_torch or sgd', {
    default: 'adamw_torch',
    choices: ['adamw_torch', 'adamw_torch_fused', 'sgd'],
  }),
  flag('num-train-epochs', 'number', TRAIN, 'times through the data', { default: '3' }),
  flag('max-steps', 'whole', TRAIN, 'steps of the run; wins over epochs'),
  flag('seed', 'whole', [...TRAIN, 'generate'], 'of initial values, order and dropout; of sampling', { default: '42' }),
  flag('no-shuffle', 'boolean', TRAIN, 'rows in the order of the file'),
  flag('eval-strategy', 'text', TRAIN, 'when to evaluate', { default: 'no', choices: ['no', 'steps', 'epoch'] }),
  flag('eval-steps', 'whole', TRAIN, 'steps between evaluations'),
  flag('logging-steps', 'whole', TRAIN, 'steps between log entries', {
    default: '1',
    python: { value: '10', why: 'nothing is averaged away' },
  }),
  flag('save-strategy', 'text', TRAIN, 'when to write a checkpoint', {
    default: 'epoch',
    choices: ['no', 'steps', 'epoch'],
    python: { value: 'steps', why: 'short runs never reach 500 steps' },
  }),
  flag('save-steps', 'whole', TRAIN, 'steps between checkpoints', { default: '500' }),
  flag('save-total-limit', 'whole', TRAIN, 'most checkpoints kept'),
  flag('load-best-model-at-end', 'boolean', TRAIN, 'ends with the values of the lowest evaluation loss'),
  flag('completion-only-loss', 'boolean', TRAIN, 'trains on completions only; by default where rows have a prompt'),
  flag('prompt', 'text', GENERATE, 'what to continue; goes through the chat template where there is one'),
  flag('messages', 'text', GENERATE, 'a JSON file with a conversation'),
  flag('raw', 'boolean', GENERATE, 'the prompt as it is, without a chat template'),
  flag('do-sample', 'boolean', GENERATE, 'samples; otherwise the likeliest token is taken'),
  flag('temperature', 'number', GENERATE, 'above 1 flatter, below 1 sharper', { default: '1' }),
  flag('top-k', 'whole', GENERATE, 'samples among so many likeliest tokens; 0: all', { default: '50' }),
  flag('top-p', 'number', GENERATE, 'samples among the likeliest tokens that reach this probability', { default: '1' }),
  flag('repetition-penalty', 'number', GENERATE, 'above 1 makes tokens that occurred less likely', { default: '1' }),
  flag('max-new-tokens', 'whole', GENERATE, 'most tokens to generate', { default: '128' }),
  flag('stop', 'texts', GENERATE, 'texts that end the generation'),
  flag('tensors', 'boolean', ['inspect'], 'lists every tensor'),
  flag('for', 'text', ['inspect'], 'says whether this program opens it', {
    choices: ['peft', 'vllm', 'llama.cpp', 'ollama', 'mlx'],
  }),
  flag('backend', 'text', RUN, 'where to compute', {
    default: 'onnx',
    choices: ['onnx', 'webgpu', 'tfjs', 'reference'],
  }),
  flag('threads', 'whole', [...RUN, 'quickstart'], 'threads that compute; default: all'),
  flag('quiet', 'boolean', [...RUN, 'quickstart', 'merge'], 'no progress'),
  flag(
    'json',
    'boolean',
    [...RUN, 'inspect', 'doctor', 'quickstart'],
    'results as JSON on stdout; of a run: its events, one a line',
  ),
  planned('use-dora', 'boolean', 'weight-decomposed LoRA'),
  planned(
    'packing',
    'boolean',
    'several rows in one sequence',
    'packing does not exist yet; rows are batched by length instead',
  ),
  planned(
    'gradient-checkpointing',
    'boolean',
    'less memory, more time',
    'it does not exist yet; a smaller --tokens-per-micro-batch takes less memory at once',
  ),
  planned('load-in-4bit', 'boolean', 'weights in 4 bits'),
  planned('load-in-8bit', 'boolean', 'weights in 8 bits'),
  planned(
    'resume',
    'text',
    'goes on from a checkpoint',
    'exact resume does not exist yet; --adapter CHECKPOINT goes on from its values',
  ),
  planned(
    'resume-from-checkpoint',
    'text',
    'goes on from a checkpoint',
    'exact resume does not exist yet; --adapter CHECKPOINT goes on from its values',
  ),
  planned('validation-split', 'number', 'share of rows to evaluate on', 'it does not exist yet; give --eval-data'),
  planned(
    'metric-for-best-model',
    'text',
    'what load-best-model-at-end compares',
    'only the evaluation loss is compared yet',
  ),
  planned(
    'num-labels',
    'whole',
    'labels of a classification head',
    'training classifiers from the command line does not exist yet',
  ),
  planned('dtype', 'text', 'dtype of the weights', 'the CPU computes in float32 whatever the file stores'),
  planned('data-config', 'text', 'configuration of a hub data set', 'hub data sets do not exist yet'),
  planned('data-split', 'text', 'split of a hub data set', 'hub data sets do not exist yet'),
]

/** Python's options that mean nothing here: said once, then left. A value in `harmless` is not even mentioned. */
export const pythonOnly: Readonly<Record<string, string>> = {
  bf16: 'the CPU computes in float32',
  fp16: 'the CPU computes in float32',
  tf32: 'there is no TF32 here',
  deepspeed: 'there is no DeepSpeed here',
  fsdp: 'there is one process',
  report_to: 'log.jsonl and report.html are written; other trackers are plugins',
  dataset_num_proc: 'rows are tokenized in one pass',
  dataloader_num_workers: 'rows are tokenized in one pass',
  dataloader_pin_memory: 'there is no device memory to pin for',
  ddp_find_unused_parameters: 'there is one process',
  attn_implementation: 'attention is compiled with the model',
  torch_compile: 'every program is compiled',
  use_liger_kernel: 'every program is compiled',
  use_peft: 'LoRA is the default; --peft-type none trains everything',
  trust_remote_code: 'code from a model repository is never run',
  dataset_train_split: 'files have no splits',
  dataset_test_split: 'files have no splits',
  dataset_config: 'files have no configurations',
  remove_unused_columns: 'columns that are not used are never read into batches',
  push_to_hub: 'pushing is a command of its own',
  log_level: 'ESPALIER_DEBUG says more',
  disable_tqdm: '--quiet turns progress off',
}
