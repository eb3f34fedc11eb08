/** Whether other programs open a PEFT adapter, from what their loaders ask for. */

/** Programs that read adapters. */
export const ADAPTER_PROGRAMS = ['peft', 'vllm', 'llama.cpp', 'ollama', 'mlx'] as const

/** Yes or no, and why or with what in mind. */
export interface Opinion {
  readonly opens: boolean
  readonly notes: readonly string[]
}

interface NamedTensor {
  readonly name: string
  readonly shape: readonly number[]
}

const VLLM_RANKS = [1, 8, 16, 32, 64, 128, 256, 320, 512] // vLLM's max_lora_rank choices

/** What a program would make of a model folder of this `model_type`. */
export function modelFaults(program: (typeof ADAPTER_PROGRAMS)[number], modelType: string): Opinion {
  if (program === 'peft')
    return { opens: false, notes: ['it is a model, which transformers opens; PEFT opens adapters'] }
  if (program === 'llama.cpp')
    return { opens: false, notes: ['it reads GGUF files; convert the folder with convert_hf_to_gguf.py'] }
  const known = MODEL_TYPES[program]
  if (!known.includes(modelType))
    return {
      opens: false,
      notes: [`models of type ${modelType} are none of those it is known to open (${known.join(', ')})`],
    }
  return { opens: true, notes: program === 'ollama' ? ['name the folder as FROM in a Modelfile'] : [] }
}

// Of the model types that Espalier writes or is likely to be shown; each program opens more.
const DECODERS = ['llama', 'mistral', 'gemma', 'gemma2', 'phi3'] as const
const MODEL_TYPES: Readonly<Record<'vllm' | 'ollama' | 'mlx', readonly string[]>> = {
  ollama: DECODERS,
  mlx: [...DECODERS, 'gpt2', 'qwen2', 'qwen3'],
  vllm: [...DECODERS, 'gpt2', 'qwen2', 'qwen3', 'bert'],
}

const MOST_NAMES = 3 // in a message

function peftFaults(isLora: boolean, tensors: readonly NamedTensor[]): string[] {
  const names = new Set(tensors.map(({ name }) => name))
  const foreign = [...names].filter((name) => !name.startsWith('base_model.model.'))
  const alone = !isLora
    ? []
    : [...names].filter((name) => {
        const other = name.includes('.lora_A.')
          ? name.replace('.lora_A.', '.lora_B.')
          : name.replace('.lora_B.', '.lora_A.')
        return !name.endsWith('.bias') && !names.has(other)
      })
  return [
    ...(names.size === 0 ? ['the adapter holds no tensors'] : []),
    ...(foreign.length > 0
      ? [`its names begin with base_model.model., and these do not: ${foreign.slice(0, MOST_NAMES).join(', ')}`]
      : []),
    ...(alone.length > 0
      ? [`lora_A and lora_B come in pairs, and these are alone: ${alone.slice(0, MOST_NAMES).join(', ')}`]
      : []),
  ]
}

/** What a program would make of an adapter. */
export function adapterFaults(
  program: (typeof ADAPTER_PROGRAMS)[number],
  config: Readonly<Record<string, unknown>>,
  tensors: readonly NamedTensor[],
): Opinion {
  const faults: string[] = []
  const notes: string[] = []
  const isLora = config.peft_type === 'LORA'
  const beyondLora = tensors.filter(({ name }) => !/\.lora_(A|B)\.weight$/.test(name)).map(({ name }) => name)
  if (program === 'peft') {
    const found = peftFaults(isLora, tensors)
    return { opens: found.length === 0, notes: found }
  }
  if (!isLora) return { opens: false, notes: [`it reads LoRA only, this is ${String(config.peft_type)}`] }
  if (program === 'mlx')
    return {
      opens: false,
      notes: [
        'mlx-lm has a format of its own (adapters.safetensors, transposed); merge the adapter and load the merged model',
      ],
    }
  if (config.use_dora === true) faults.push('DoRA is not read')
  if (program === 'vllm') {
    const ranks = [Number(config.r), ...Object.values((config.rank_pattern as Record<string, number> | null) ?? {})]
    const needed = VLLM_RANKS.find((rank) => rank >= Math.max(...ranks))
    if (needed === undefined) faults.push(`a rank of ${Math.max(...ranks)} is above its largest, ${VLLM_RANKS.at(-1)}`)
    else notes.push(`start it with --enable-lora --max-lora-rank ${Math.max(8, needed)}`)
    if (config.bias !== undefined && config.bias !== 'none') faults.push('trained biases are not read')
    if (Array.isArray(config.modules_to_save) && config.modules_to_save.length > 0)
      faults.push('modules saved in full are not read')
    if (config.lora_bias === true) faults.push('biases on B are not read')
  } else {
    if (beyondLora.length > 0)
      faults.push(`tensors other than lora_A and lora_B are not converted (${beyondLora.slice(0, 3).join(', ')})`)
    notes.push(
      program === 'ollama'
        ? 'name its folder as ADAPTER in a Modelfile whose FROM is the same base'
        : 'convert it with convert_lora_to_gguf.py',
    )
  }
  return faults.length > 0 ? { opens: false, notes: faults } : { opens: true, notes }
}
