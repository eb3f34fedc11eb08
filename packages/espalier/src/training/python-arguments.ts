/**
 * Arguments of transformers', TRL's and PEFT's configurations that do not exist here, by their names there: those that mean nothing and why,
 * and those that would change what is learned. The command line and programs tell each in its own way.
 */
import { camelCase } from '@espalier/core'

const ONE_PROCESS = 'there is one process'
const FLOAT32 = 'the CPU computes in float32'
const COMPILED = 'every program is compiled'
const TRACKERS = 'log.jsonl and report.html are written; other trackers are plugins'
const READER = 'rows are tokenized in one pass and batched by length'
const HUB = 'espalier push uploads the folder afterwards'
const RECOMPUTATION = 'what a layer computes is made again as part of the graph, in one way'
const FILES = 'files have no splits or configurations'

/** Keys that mean nothing here, with the reason. */
export const meaningless: Readonly<Record<string, string>> = {
  bf16: FLOAT32,
  fp16: FLOAT32,
  tf32: FLOAT32,
  bf16_full_eval: FLOAT32,
  fp16_full_eval: FLOAT32,
  use_cpu: 'see --backend',
  no_cuda: 'see --backend',
  attn_implementation: COMPILED,
  torch_compile: COMPILED,
  torch_compile_backend: COMPILED,
  torch_compile_mode: COMPILED,
  use_liger_kernel: COMPILED,
  model_init_kwargs: 'models are loaded by --model, --model-revision and --dtype',
  use_cache: 'training keeps no key/value cache',
  deepspeed: ONE_PROCESS,
  fsdp: ONE_PROCESS,
  fsdp_config: ONE_PROCESS,
  parallelism_config: ONE_PROCESS,
  accelerator_config: ONE_PROCESS,
  local_rank: ONE_PROCESS,
  ddp_backend: ONE_PROCESS,
  ddp_timeout: ONE_PROCESS,
  ddp_bucket_cap_mb: ONE_PROCESS,
  ddp_find_unused_parameters: ONE_PROCESS,
  average_tokens_across_devices: ONE_PROCESS,
  activation_offloading: 'there is no other device to move activations to',
  torch_empty_cache_steps: 'memory is planned before the run',
  auto_find_batch_size: 'batches are split into micro-batches; see --tokens-per-micro-batch',
  eval_accumulation_steps: 'evaluation keeps only the loss',
  prediction_loss_only: 'evaluation keeps only the loss',
  gradient_checkpointing_kwargs: RECOMPUTATION,
  gradient_checkpointing_use_reentrant: RECOMPUTATION,
  full_determinism: 'the same seed gives the same run',
  dataset_num_proc: READER,
  dataset_kwargs: READER,
  dataset_streaming: 'files are read as they are needed',
  dataset_batch_size: READER,
  dataloader_num_workers: READER,
  dataloader_pin_memory: READER,
  dataloader_persistent_workers: READER,
  dataloader_prefetch_factor: READER,
  group_by_length: READER,
  padding_free: READER,
  pad_to_multiple_of: READER,
  remove_unused_columns: 'columns that are not used never reach a batch',
  dataset_config: FILES,
  dataset_train_split: FILES,
  dataset_test_split: FILES,
  report_to: TRACKERS,
  run_name: TRACKERS,
  project: TRACKERS,
  logging_dir: TRACKERS,
  logging_strategy: 'steps are logged, see --logging-steps',
  logging_first_step: 'the first step is logged like the others',
  logging_nan_inf_filter: 'a loss that is no number ends the run and is named',
  include_num_input_tokens_seen: 'tokens are always counted',
  include_tokens_per_second: 'tokens are always counted',
  log_level: 'ESPALIER_DEBUG says more',
  log_level_replica: ONE_PROCESS,
  disable_tqdm: '--quiet turns progress off',
  push_to_hub: HUB,
  hub_model_id: HUB,
  hub_strategy: HUB,
  hub_token: 'the token comes from HF_TOKEN',
  hub_private_repo: HUB,
  do_train: 'train trains',
  do_eval: 'see --eval-strategy',
  save_safetensors: 'safetensors is what is written',
  save_only_model: 'checkpoints hold all that a run goes on from',
  save_on_each_node: ONE_PROCESS,
  trust_remote_code: 'code from a model repository is never run',
  bnb_4bit_compute_dtype: 'the CPU computes in float32',
  bnb_4bit_quant_storage: 'codes are kept in bytes',
  ignore_bias_buffers: ONE_PROCESS,
  router_aux_loss_coef:
    'of a mixture of experts config.json says whether the loss of routing is added (output_router_logits), and how much of it; SFTTrainer would add it',
}

/** Keys that change what is learned, with values that change nothing beside false, 0, no and none. */
export const missing: Readonly<Record<string, readonly string[]>> = {
  neftune_noise_alpha: [],
  assistant_only_loss: [],
  truncation_mode: ['keep_start'],
  loss_type: ['nll', 'chunked_nll'],
  shuffle_dataset: [],
  data_seed: [],
  dataloader_drop_last: [],
  train_sampling_strategy: ['random', 'group_by_length'],
  chat_template_path: [],
  eos_token: [],
  pad_token: [],
  optim_target_modules: [],
  eval_on_start: [],
  eval_delay: [],
  lora_target_parameters: [],
  lora_layers_to_transform: [],
  dataset_mixture: [],
  formatting_func: [],
}

const BEFORE = 'Give it where the model is loaded: fromPretrained(name, options)'
const PRINTS = 'Leave it out: nothing in a library prints'
const UPLOAD = 'Upload the folder afterwards: npx espalier push'
const QUANTIZED = 'Give it where the model is loaded: fromPretrained(name, { quantizationConfig })'
const ADAPTER = 'Give SFTTrainer a peftConfig beside args: lora({ r: 8 })'

/** What to do in a program instead of keys whose reason speaks of the command line, of keys that belong elsewhere, and of options that the command line alone has. */
const inPrograms: Readonly<Record<string, string>> = {
  use_cpu: 'Give a backend where the model is loaded: fromPretrained(name, { backend })',
  no_cuda: 'Give a backend where the model is loaded: fromPretrained(name, { backend })',
  model_init_kwargs: BEFORE,
  dtype: BEFORE,
  torch_dtype: BEFORE,
  load_in_4bit: QUANTIZED,
  load_in_8bit: QUANTIZED,
  bnb_4bit_quant_type: QUANTIZED,
  use_bnb_nested_quant: QUANTIZED,
  auto_find_batch_size: 'Set tokensPerMicroBatch: fewer take less memory at once',
  logging_strategy: 'Set loggingSteps',
  disable_tqdm: PRINTS,
  log_level: PRINTS,
  do_train: 'Call trainer.train()',
  do_eval: 'Set evalStrategy, or call trainer.evaluate()',
  resume_from_checkpoint: 'Give it to the call: trainer.train({ resumeFromCheckpoint: true })',
  push_to_hub: UPLOAD,
  hub_model_id: UPLOAD,
  hub_strategy: UPLOAD,
  hub_private_repo: UPLOAD,
  dataset_text_field: 'Name it where the rows are loaded: loadDataset(path, { textField })',
  max_seq_length: 'Set maxLength',
  batch_size: 'Set perDeviceTrainBatchSize',
  lr: 'Set learningRate',
  formatting_func: 'Map the rows: dataset.map((row) => ({ prompt, completion }))',
  peft_config: ADAPTER,
  use_peft: ADAPTER,
  lora_r: ADAPTER,
  lora_alpha: ADAPTER,
  lora_dropout: ADAPTER,
  lora_target_modules: ADAPTER,
  use_dora: ADAPTER,
}

/** What to do in a program, by the key in camelCase. */
export const pythonArguments: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({
    ...mapped(meaningless, (reason) => `Leave it out: ${reason}`),
    ...mapped(missing, () => 'Leave it out: this does not exist yet'),
    ...inPrograms,
  }).map(([key, fix]) => [camelCase(key), fix]),
)

function mapped<Value>(table: Readonly<Record<string, Value>>, text: (value: Value) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [key, text(value)]))
}
