/**
 * Which ranks stay: every rank's importance is averaged from step to step, and on steps of allocation the least important over all layers
 * are set to 0, as many as the budget asks for. Source: arXiv:2303.10512 §3.2, eq. 8 to 12; PEFT 0.21's RankAllocator. Steps count from 0.
 */
import { type AfterStepContext, type HostTensor, hostTensor, type Site, type TunerState } from '@espalier/core'
import type { AdaLoraConfig } from './config.js'

/** Updates importance, masks the values of ranks that the budget leaves out, and keeps in the configuration which are left. */
export async function allocateRanks(context: AfterStepContext<AdaLoraConfig>): Promise<AdaLoraConfig> {
  const { config, sites, memory } = context
  const step = context.step - 1
  const lastAllocation = (config.totalStep as number) - config.tfinal
  if (step > lastAllocation) {
    await mask(context, config.rankPattern ?? {})
    return config
  }
  if (step < lastAllocation) await observe(context)
  if (step !== lastAllocation && !isDue(config, step)) return config
  const scores = new Map(sites.map((site) => [keysOf(site).E, scoresOf(site, memory)]))
  const rankPattern = leftByBudget(scores, budgetAt(config, step, scores))
  await mask(context, rankPattern)
  if (step === lastAllocation) memory.clear()
  return { ...config, rankPattern }
}

/** Which ranks of a layer the configuration keeps; undefined where it says nothing. */
export function keptRanks(site: Site, { rankPattern }: AdaLoraConfig): readonly boolean[] | undefined {
  return rankPattern?.[keysOf(site).E]
}

/** A layer's tensors without the ranks that were left out; as they are where they have been read from such a file. */
export function withoutPruned({
  site,
  config,
  values,
}: {
  readonly site: Site
  readonly config: AdaLoraConfig
  readonly values: TunerState<HostTensor>
}): TunerState<HostTensor> {
  const kept = keptRanks(site, config)
  const { A, B, E } = values as Readonly<Record<'A' | 'B' | 'E', HostTensor>>
  if (kept === undefined || kept.length !== A.shape[0]) return values
  return { A: selected(A, 0, kept), B: selected(B, 1, kept), E: selected(E, 0, kept) }
}

type Keys = Readonly<Record<'A' | 'B' | 'E', string>>

function keysOf({ path }: Site): Keys {
  return { A: `${path}.lora_A`, B: `${path}.lora_B`, E: `${path}.lora_E` }
}

/** Averages each entry's sensitivity |value × gradient|, and how far that is from its average. */
async function observe({ config, sites, memory, read, gradients }: AfterStepContext<AdaLoraConfig>): Promise<void> {
  const keys = sites.flatMap((site) => Object.values(keysOf(site)))
  const [values, slopes] = [await read(keys), await gradients(keys)]
  const { beta1, beta2 } = config
  for (const key of keys) {
    const { data, shape } = values.get(key) as HostTensor
    const slope = (slopes.get(key) as HostTensor).data
    const [sensitivity, uncertainty] = [
      average(memory, `sensitivity ${key}`, shape),
      average(memory, `uncertainty ${key}`, shape),
    ]
    for (let i = 0; i < data.length; i++) {
      const now = Math.abs((data[i] as number) * (slope[i] as number))
      const mean = beta1 * (sensitivity[i] as number) + (1 - beta1) * now
      sensitivity[i] = mean
      uncertainty[i] = beta2 * (uncertainty[i] as number) + (1 - beta2) * Math.abs(now - mean)
    }
  }
}

function average(memory: Map<string, HostTensor>, name: string, shape: readonly number[]): Float32Array {
  const known = memory.get(name) ?? hostTensor('f32', shape)
  memory.set(name, known)
  return known.data as Float32Array
}

/** Importance of each rank: that of its value, and the means of its row of A and its column of B. */
function scoresOf(site: Site, memory: ReadonlyMap<string, HostTensor>): Float32Array {
  const keys = keysOf(site)
  const entry = (key: string) => {
    const [sensitivity, uncertainty] = [memory.get(`sensitivity ${key}`), memory.get(`uncertainty ${key}`)]
    return (i: number) => ((sensitivity?.data[i] ?? 0) as number) * ((uncertainty?.data[i] ?? 0) as number)
  }
  const [A, B, E] = [entry(keys.A), entry(keys.B), entry(keys.E)]
  const rank = memory.get(`sensitivity ${keys.E}`)?.shape[0] ?? 0
  return Float32Array.from({ length: rank }, (_, r) => {
    let [row, column] = [0, 0]
    for (let i = 0; i < site.inSize; i++) row += A(r * site.inSize + i)
    for (let i = 0; i < site.outSize; i++) column += B(i * rank + r)
    return E(r) + row / site.inSize + column / site.outSize
  })
}

type Scores = ReadonlyMap<string, Float32Array>

function isDue({ tinit, deltaT }: AdaLoraConfig, step: number): boolean {
  return step > tinit && step % deltaT === 0
}

/** Ranks that all layers have together at a step: a cubic way from those of the start to the target. */
function budgetAt({ tinit, tfinal, totalStep, targetR }: AdaLoraConfig, step: number, scores: Scores): number {
  const first = [...scores.values()].reduce((sum, { length }) => sum + length, 0)
  const last = targetR * scores.size
  if (step <= tinit) return first
  const left = 1 - (step - tinit) / ((totalStep as number) - tfinal - tinit)
  return Math.trunc((first - last) * left ** 3 + last)
}

/** The ranks above the score of the last that the budget leaves out, by layer. */
function leftByBudget(scores: Scores, budget: number): Record<string, boolean[]> {
  const sorted = Float32Array.from([...scores.values()].flatMap((each) => [...each])).sort()
  const threshold = sorted[sorted.length - budget - 1] ?? Number.NEGATIVE_INFINITY
  return Object.fromEntries([...scores].map(([key, each]) => [key, Array.from(each, (score) => score > threshold)]))
}

/** Sets the values of ranks that are not kept to 0. */
async function mask(
  { read, write, sites }: AfterStepContext<AdaLoraConfig>,
  pattern: Readonly<Record<string, readonly boolean[]>>,
): Promise<void> {
  const values = await read(sites.map((site) => keysOf(site).E))
  const masked = [...values].flatMap(([key, value]) => {
    const kept = pattern[key]
    if (kept === undefined || kept.length !== value.data.length) return []
    return [
      [
        key,
        hostTensor(
          'f32',
          value.shape,
          Array.from(value.data, (x, i) => (kept[i] ? x : 0)),
        ),
      ] as const,
    ]
  })
  if (masked.length > 0) await write(new Map(masked))
}

/** The rows (axis 0) or columns (axis 1) of a matrix that are kept. */
function selected({ data, shape }: HostTensor, axis: 0 | 1, kept: readonly boolean[]): HostTensor {
  const [rows, columns] = shape as [number, number]
  const count = kept.filter(Boolean).length
  const left = Array.from(data).filter((_, i) => kept[axis === 0 ? Math.floor(i / columns) : i % columns])
  return hostTensor('f32', axis === 0 ? [count, columns] : [rows, count], left)
}
