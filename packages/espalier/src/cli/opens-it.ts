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
  if (program === 'peft') return { opens: true, notes: [] }
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
