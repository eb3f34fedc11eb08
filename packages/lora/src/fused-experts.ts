/**
 * Targets of mixtures of experts by the names that their layers had before transformers 5 fused them, as PEFT 0.21 reads them: router and
 * experts are parameters now, and what became one parameter has the ranks of both.
 */
import { EspalierError, isTarget, type RetargetContext } from '@espalier/core'
import type { LoraConfig } from './config.js'

/** What became of the layers of a mixture. */
export interface Fused {
  /** Older name of the module that holds router and experts. */
  readonly holder: string
  /** Older name of a layer -> the parameter that it is now, or is a part of. */
  readonly parameters: Readonly<Record<string, string>>
  /** Names of layers that became one parameter, in their order in it; all of them or none are targets. */
  readonly together: readonly string[]
}

/** By model_type. */
export const fusedOf: Readonly<Partial<Record<string, Fused>>> = {
  mixtral: {
    holder: 'block_sparse_moe',
    parameters: { gate: 'gate.weight', w1: 'gate_up_proj', w3: 'gate_up_proj', w2: 'down_proj' },
    together: ['w1', 'w3'],
  },
  qwen3_moe: {
    holder: 'mlp',
    parameters: {
      gate: 'gate.weight',
      gate_proj: 'gate_up_proj',
      up_proj: 'gate_up_proj',
      down_proj: 'down_proj',
    },
    together: ['gate_proj', 'up_proj'],
  },
}

/** The configuration with today's targets. Throws config.value where a parameter is named in part. */
export function withFusedExperts(config: LoraConfig, context: RetargetContext): LoraConfig {
  const fused = Object.hasOwn(fusedOf, context.modelType) ? fusedOf[context.modelType] : undefined
  const parameters = config.targetParameters ?? []
  if (fused === undefined) return config
  // PEFT finds no default targets once it looked for older names; where it has some, they count here.
  if (config.targetModules === null) return parameters.length === 0 ? config : { ...config, targetModules: [] }
  const names = Array.isArray(config.targetModules) ? config.targetModules : namesOf(config, fused, context)
  const older = (name: string) =>
    Object.keys(fused.parameters).find((old) => name === old || name.endsWith(`.${old}`)) ?? null
  const given = new Set(names.flatMap((name) => older(name) ?? []))
  if (names.length === 0 || given.size === 0) return names.length === 0 ? config : { ...config, targetModules: names }
  const present = fused.together.filter((name) => given.has(name))
  const count = fused.together.length
  if (present.length > 0 && present.length < count)
    throw new EspalierError('config.value', {
      what: 'these layers are one parameter now, and only some of them are targets',
      got: { targets: present, missing: fused.together.filter((name) => !given.has(name)), parameter: 'gate_up_proj' },
      fix: 'Target all of them, or none',
    })
  const changed = {
    ...config,
    targetModules: names.filter((name) => older(name) === null),
    targetParameters: [...new Set([...parameters, ...[...given].map((old) => fused.parameters[old] as string)])],
  }
  if (present.length === 0) return changed
  const pattern = '.*\\.gate_up_proj'
  return {
    ...changed,
    rankPattern: { ...config.rankPattern, [pattern]: config.r * count },
    alphaPattern: { ...config.alphaPattern, [pattern]: config.loraAlpha * count },
  }
}

// The last names of all that a pattern means, also of layers that are there no longer.
function namesOf(config: LoraConfig, { parameters }: Fused, context: RetargetContext): string[] {
  const { modulePaths, parameterPaths, linearPaths } = context
  if (String(config.targetModules).toLowerCase() === 'all-linear')
    return [...new Set([...linearPaths.map(lastName), ...Object.keys(parameters)])]
  const isMeant = (path: string) => isTarget(path, config)
  const matched = new Set(
    [...modulePaths, ...parameterPaths].filter((path) => path !== '' && isMeant(path)).map(lastName),
  )
  for (const [old, now] of Object.entries(parameters)) {
    const holders = parameterPaths.flatMap((path) => (lastName(path) === now ? [path.slice(0, -now.length)] : []))
    if (holders.some((holder) => isMeant(holder + old))) matched.add(old)
  }
  return [...matched]
}

function lastName(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1)
}
