/**
 * Every option of the command line in one table: it drives parsing, --help and what a run says about values that differ from Python's.
 * Names are those of transformers, TRL and PEFT.
 */

import { DEFAULT_KIND, tunersByKind } from '../auto/tuners.js'
import type { Pooling } from '../model/predict-options.js'
import { optimizerNames } from '../training/optimizer-names.js'
import { allowedNames } from './allowed-changes.js'
import { answerOptions } from './answer-options.js'
import { flag, type Option, type OptionType } from './option.js'
import { pythonOptions } from './python-options.js'
import { quantizationOptions } from './quantization-options.js'
import { rowOptions } from './row-options.js'

const TRAIN = ['train']
const RUN = ['train', 'generate', 'chat', 'eval', 'predict']
const ROWS = ['train', 'eval', 'predict']
const GENERATE = ['generate', 'chat']
const ONCE = ['generate']

const FROM_ZERO = { least: 0 }

const planned = (
  name: string,
  type: OptionType,
  help: string,
  reason = 'this does not exist yet',
  more: Partial<Option> = {},
): Option => ({ name, type, commands: TRAIN, help, planned: reason, ...more })

const own: readonly Option[] = [
  flag(
    'model',
    'text',
    [...RUN, 'merge'],
    'hub id with optional @revision, a folder, or a .gguf file; default where there is an --adapter: its base',
    {
      aliases: ['model_name_or_path'],
    },
  ),
  flag('model-revision', 'text', RUN, 'branch, tag or commit of the model', { aliases: ['revision'] }),
  flag('tokenizer', 'text', RUN, 'where the tokenizer is, when not beside the model'),
  flag('adapter', 'text', [...RUN, 'merge'], 'a PEFT adapter: to go on training, to compute with, or to merge'),
  flag('data', 'texts', ROWS, '.jsonl .json .csv .tsv .txt', { aliases: ['dataset_name'] }),
  flag('text-field', 'text', ROWS, 'column with the text', { aliases: ['dataset_text_field'] }),
  flag('prompt-field', 'text', ['train', 'eval'], 'column with the prompt'),
  flag('completion-field', 'text', ['train', 'eval'], 'column with what should follow the prompt'),
  flag('eval-data', 'text', TRAIN, 'rows to evaluate on; see --eval-strategy'),
  flag('validation-split', 'number', TRAIN, 'share of the rows to evaluate on instead of training on them', {
    range: { above: 0, below: 1 },
  }),
  flag('output-dir', 'text', [...TRAIN, 'merge', 'quickstart'], 'folder to write'),
  flag(
    'output',
    'text',
    ['predict'],
    'a file to write the lines to, which appears, or is replaced, once all are there; default: stdout',
  ),
  flag('pooling', 'text', ['predict'], 'of a model without a head: which hidden states are a text’s vector', {
    default: 'mean',
    choices: ['mean', 'cls', 'last'] satisfies readonly Pooling[],
  }),
  flag(
    'overwrite-output-dir',
    'boolean',
    [...TRAIN, 'merge'],
    'replaces a run or a model that the folder holds, once this one is done; until then it writes to unfinished-run there',
  ),
  flag('inspect-data', 'boolean', TRAIN, 'says what the data holds, and stops; needs no --output-dir'),
  flag('config', 'text', [...RUN, 'merge'], 'a YAML, JSON, TS or JS file with these options; options on the line win'),
  flag(
    'peft-type',
    'text',
    TRAIN,
    'the method; none trains all parameters; all but lora need npm install @espalier/tuner-<method>',
    {
      default: DEFAULT_KIND,
      choices: [...Object.keys(tunersByKind), 'none'],
    },
  ),
  flag('use-peft', 'boolean', TRAIN, 'TRL’s switch: false is --peft-type none', {
    default: 'true',
    python: { value: 'false', why: 'an adapter is what this program is for' },
  }),
  flag('peft-config', 'text', TRAIN, 'an adapter_config.json to take the adapter’s settings from'),
  flag('lora-r', 'whole', TRAIN, 'rank', { default: '8' }),
  flag('lora-alpha', 'number', TRAIN, 'the update is scaled by alpha / r', { range: { above: 0 }, default: '8' }),
  flag('lora-dropout', 'number', TRAIN, 'share of inputs dropped before A', {
    range: { least: 0, below: 1 },
    default: '0',
  }),
  flag(
    'lora-target-modules',
    'texts-or-text',
    TRAIN,
    'names, all-linear, or a regular expression for the whole path; by default PEFT’s for the architecture',
  ),
  flag('bias', 'text', TRAIN, 'biases to train', { default: 'none', choices: ['none', 'all', 'lora_only'] }),
  flag('lora-bias', 'boolean', TRAIN, 'a bias on B'),
  flag('use-rslora', 'boolean', TRAIN, 'scales by alpha / sqrt(r)'),
  flag('init-lora-weights', 'text', TRAIN, 'true, false or gaussian', { default: 'true' }),
  flag('modules-to-save', 'list', TRAIN, 'modules trained and saved in full', { aliases: ['lora_modules_to_save'] }),
  flag(
    'task-type',
    'text',
    ROWS,
    'PEFT’s task type; default: the adapter’s, or the checkpoint’s. train: rows with labels or answers tell the head of a checkpoint without one, or with one that fills in masks. FEATURE_EXTRACTION: predict alone',
    {
      aliases: ['lora_task_type'],
      choices: ['CAUSAL_LM', 'SEQ_2_SEQ_LM', 'MASKED_LM', 'SEQ_CLS', 'TOKEN_CLS', 'QUESTION_ANS', 'FEATURE_EXTRACTION'],
    },
  ),
  flag(
    'num-labels',
    'whole',
    TRAIN,
    'labels of a new head; 1: a number to learn. Default: the checkpoint’s, or those that the rows have',
  ),
  ...answerOptions,
  flag(
    'max-length',
    'whole',
    ROWS,
    'longest row in tokens; longer ones are cut at the end; none: rows stay whole. Default of other heads than CAUSAL_LM: what the model reads, of answers at most 384',
    {
      default: '1024',
      aliases: ['max_seq_length'],
    },
  ),
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
    range: FROM_ZERO,
    default: '0.0002',
    python: {
      value: '2e-05',
      why: 'Python’s is meant for training all parameters; adapters want more',
      elsewhere: '5e-05',
    },
  }),
  flag('lr-scheduler-type', 'text', TRAIN, 'how the rate falls', {
    default: 'linear',
    choices: [
      'linear',
      'cosine',
      'constant',
      'constant_with_warmup',
      'cosine_with_restarts',
      'cosine_with_min_lr',
      'polynomial',
      'inverse_sqrt',
      'cosine_warmup_with_min_lr',
      'warmup_stable_decay',
    ],
  }),
  flag('lr-scheduler-kwargs', 'record', TRAIN, 'what else the schedule takes, as {"num_cycles": 2}'),
  flag('warmup-ratio', 'number', TRAIN, 'share of steps with a rising rate', { range: { least: 0, most: 1 } }),
  flag('warmup-steps', 'number', TRAIN, 'steps with a rising rate, or below 1 a share of them', {
    range: FROM_ZERO,
    default: '0',
  }),
  flag('weight-decay', 'number', TRAIN, 'decoupled decay of what is neither bias nor norm', {
    range: FROM_ZERO,
    default: '0',
  }),
  flag('adam-beta1', 'number', TRAIN, 'decay of the first moment', { range: { least: 0, below: 1 }, default: '0.9' }),
  flag('adam-beta2', 'number', TRAIN, 'decay of the second moment', {
    range: { least: 0, below: 1 },
    default: '0.999',
  }),
  flag('adam-epsilon', 'number', TRAIN, 'added to the root of the second moment', {
    range: { above: 0, most: 1 },
    default: '1e-08',
  }),
  flag('max-grad-norm', 'number', TRAIN, 'gradients are clipped to this norm; 0: not', {
    range: FROM_ZERO,
    default: '1.0',
  }),
  flag(
    'label-smoothing-factor',
    'number',
    TRAIN,
    'share of each token or label to predict that is spread evenly over the others, in training and in evaluations',
    { range: { least: 0, most: 1 }, default: '0' },
  ),
  flag('optim', 'text', TRAIN, 'the optimizer, by transformers’ name', {
    default: 'adamw_torch_fused',
    choices: optimizerNames,
  }),
  flag('optim-args', 'text', TRAIN, 'what else sgd, adagrad or rmsprop takes, as momentum=0.9,nesterov=true'),
  flag('num-train-epochs', 'number', TRAIN, 'times through the data', { range: { above: 0 }, default: '3' }),
  flag('max-steps', 'whole', TRAIN, 'steps of the run; wins over epochs', { range: { least: -1 } }),
  flag(
    'seed',
    'whole',
    [...TRAIN, 'generate'],
    'of what is drawn: initial values, order and dropout of a run; tokens of a sampled text, which differ every time without it',
    {
      range: { least: 0, most: 2 ** 32 - 1 },
      default: '42',
    },
  ),
  ...rowOptions,
  flag('eval-strategy', 'text', TRAIN, 'when to evaluate; with --eval-steps and rows to evaluate on: steps', {
    default: 'no',
    choices: ['no', 'steps', 'epoch'],
  }),
  flag('eval-steps', 'whole', TRAIN, 'steps between evaluations'),
  flag('logging-steps', 'whole', TRAIN, 'steps between log entries', {
    default: '1',
    python: { value: '10', why: 'nothing is averaged away', elsewhere: '500' },
  }),
  flag('save-strategy', 'text', TRAIN, 'when to write a checkpoint; with --save-steps: steps', {
    default: 'epoch',
    choices: ['no', 'steps', 'epoch'],
    python: { value: 'steps', why: 'short runs never reach 500 steps' },
  }),
  flag('save-steps', 'whole', TRAIN, 'steps between checkpoints', { default: '500' }),
  flag('save-total-limit', 'whole', TRAIN, 'most checkpoints kept'),
  flag('load-best-model-at-end', 'boolean', TRAIN, 'ends with the values of the best evaluation'),
  flag('early-stopping-patience', 'whole', TRAIN, 'stops after so many evaluations that are not better than the best'),
  flag('early-stopping-threshold', 'number', TRAIN, 'by how much a metric must be better to count', {
    range: FROM_ZERO,
    default: '0',
  }),
  flag('metric-for-best-model', 'text', TRAIN, 'the metric that tells which evaluation is the best', {
    default: 'loss',
  }),
  flag(
    'greater-is-better',
    'boolean',
    TRAIN,
    'whether more of the metric is better; as in Python, it is unless the name ends with loss',
  ),
  flag(
    'resume',
    'text-or-true',
    TRAIN,
    'goes on from the latest checkpoint in --output-dir, or from a named one; where there is no run yet it starts afresh',
    {
      aliases: ['resume_from_checkpoint'],
    },
  ),
  flag(
    'allow-changes',
    'list',
    TRAIN,
    `what may be another than when the resumed run began: ${allowedNames.join(', ')}`,
  ),
  flag('prompt', 'each', ONCE, 'what to continue; goes through the chat template where there is one; may come again', {
    mayBeEmpty: true,
  }),
  flag('messages', 'each', ONCE, 'a JSON file with a conversation; may come again'),
  flag('raw', 'boolean', ONCE, 'the prompt as it is, without a chat template'),
  flag('do-sample', 'boolean', GENERATE, 'samples; otherwise the likeliest token is taken'),
  flag('temperature', 'number', GENERATE, 'above 1 flatter, below 1 sharper', { range: { above: 0 }, default: '1' }),
  flag(
    'top-k',
    'whole',
    [...GENERATE, 'predict'],
    'samples among so many likeliest tokens; 0: all. predict: so many for each mask, 5 by default',
    {
      range: FROM_ZERO,
      default: '50',
    },
  ),
  flag('top-p', 'number', GENERATE, 'samples among the likeliest tokens that reach this probability', {
    range: { above: 0, most: 1 },
    default: '1',
  }),
  flag('repetition-penalty', 'number', GENERATE, 'above 1 makes tokens that occurred less likely', {
    range: { above: 0 },
    default: '1',
  }),
  flag('no-repeat-ngram-size', 'whole', GENERATE, 'no run of so many tokens comes twice; 0: any may', {
    range: FROM_ZERO,
    default: '0',
  }),
  flag('num-beams', 'whole', ONCE, 'searches for the likeliest whole text with so many beams', {
    range: { least: 1 },
    default: '1',
  }),
  flag('length-penalty', 'number', ONCE, 'of beams: above 0 favours long texts, below 0 short ones', { default: '1' }),
  flag('early-stopping', 'text', ONCE, 'of beams: true ends a search with as many texts as there are beams', {
    choices: ['true', 'false', 'never'],
    default: 'false',
  }),
  flag('num-return-sequences', 'whole', ONCE, 'texts of each prompt: samples, or the best beams', {
    range: { least: 1 },
    default: '1',
  }),
  flag('min-new-tokens', 'whole', GENERATE, 'no end before so many tokens', { range: FROM_ZERO, default: '0' }),
  flag('max-new-tokens', 'whole', GENERATE, 'most tokens to generate', { default: '128' }),
  flag('stop', 'texts', GENERATE, 'texts that end the generation'),
  flag('tensors', 'boolean', ['inspect'], 'lists every tensor'),
  flag('for', 'text', ['inspect'], 'says whether this program opens it', {
    choices: ['peft', 'vllm', 'llama.cpp', 'ollama', 'mlx'],
  }),
  flag('backend', 'text', RUN, 'where to compute; webgpu needs `npm install webgpu`, tfjs is for programs', {
    default: 'onnx',
    choices: ['onnx', 'webgpu', 'tfjs', 'reference'],
  }),
  flag('threads', 'whole', [...RUN, 'quickstart'], 'threads that compute; default: all', {
    range: { least: 1, most: 1024 },
  }),
  flag('public', 'boolean', ['push'], 'a new repository that everyone sees; otherwise it is private'),
  flag('message', 'text', ['push'], 'what the commit says'),
  flag('quiet', 'boolean', [...RUN, 'quickstart', 'merge', 'push'], 'no progress'),
  flag(
    'json',
    'boolean',
    ['train', 'generate', 'eval', 'predict', 'inspect', 'doctor', 'quickstart'],
    'results as JSON on stdout, as predict’s always are; of a run: its events, one a line',
  ),
  planned('use-dora', 'boolean', 'weight-decomposed LoRA'),
  flag(
    'gradient-checkpointing',
    'boolean',
    TRAIN,
    'makes what layers compute again in the backward pass: less memory, a step up to a third longer where all parameters train and up to half where few do, the same results',
    {
      default: 'false',
      python: {
        value: 'true',
        elsewhere: null,
        why: 'results are the same; a run is faster without it and says the memory that it expects',
      },
    },
  ),
  flag(
    'memory-budget',
    'text',
    TRAIN,
    'most memory that the run may take, as 4GB: as little as fits is made again in the backward pass, and what that costs is said; where nothing fits the run ends and says the least that is possible',
  ),
  flag(
    'dtype',
    'text',
    [...TRAIN, 'merge'],
    'train: computes in it; others than float32 are widened. merge: writes in it; default: the base’s',
    {
      default: 'float32',
      choices: ['float32', 'auto', 'bfloat16', 'float16'],
      aliases: ['torch_dtype'],
      python: { value: 'bfloat16', why: 'the CPU computes in float32, whatever the file stores', elsewhere: 'auto' },
    },
  ),
  ...quantizationOptions,
  planned('data-config', 'text', 'configuration of a hub data set', 'hub data sets do not exist yet'),
  planned('data-split', 'text', 'split of a hub data set', 'hub data sets do not exist yet'),
]

/** All options: those of commands, and those of Python that are recognised. */
export const options: readonly Option[] = [...own, ...pythonOptions]

/** The options of a command that are not Python's alone. */
export function optionsOf(command: string): readonly Option[] {
  return own.filter((option) => option.commands.includes(command))
}
