/** Active adapters as something to train: their values by slot, and what their tuners have to say to a run. */
import type { HostTensor } from '../dtype.js'
import { add } from '../graph/ops/binary.js'
import type { Tensor } from '../graph/tensor.js'
import type { Model } from '../model/model.js'
import { namedModules } from '../module/tree.js'
import { AdapterPart } from '../tuner/adapted-layer.js'
import type { Adapter } from '../tuner/adapter.js'
import type { StepAccess } from '../tuner/families.js'
import type { TrainableModel } from './base-model.js'

/** An active adapter and the prefix of its slots. */
export interface BoundAdapter {
  readonly adapter: Adapter
  readonly prefix: string
}

/** The trainable model of a tree in which these adapters are active. */
export function trainableAdapters(model: Model, bound: readonly BoundAdapter[]): TrainableModel {
  const following = bound.filter(({ adapter }) => adapter.tuner.afterStep !== undefined)
  return {
    model,
    async trainable() {
      const entries = await Promise.all(
        bound.map(async ({ adapter, prefix }) =>
          [...(await adapter.values())].flatMap(([key, value]) =>
            adapter.frozen.has(key) ? [] : [[prefix + key, value] as const],
          ),
        ),
      )
      return new Map(entries.flat())
    },
    fixed: () =>
      new Map(
        bound.flatMap(({ adapter, prefix }) =>
          [...adapter.frozenValues, ...adapter.buffers].map(([key, value]) => [prefix + key, value] as const),
        ),
      ),
    commit(values) {
      for (const { adapter, prefix } of bound) adapter.setValues(withoutPrefix(values, prefix), { partial: true })
    },
    penalty: () => penaltyOf(model, bound),
    ...(following.length === 0
      ? {}
      : {
          async afterStep(access: StepAccess) {
            for (const each of following) await follow(each, access)
          },
          configurations: () => Object.fromEntries(following.map(({ adapter, prefix }) => [prefix, adapter.config])),
          setConfigurations(configurations: Readonly<Record<string, object>>) {
            for (const { adapter, prefix } of following) {
              const known = configurations[prefix]
              if (known === undefined) continue
              const { config, tuner } = adapter
              adapter.setConfig({ ...config, ...tuner.parse({ ...config, ...known }) }) // which checks what a file gave
            }
          },
        }),
  }
}

function penaltyOf(model: Model, bound: readonly BoundAdapter[]): Tensor | undefined {
  const penalties = bound.flatMap(({ adapter: { name, tuner, config } }) => {
    if (tuner.penalty === undefined) return []
    const layers = namedModules(model).flatMap(({ module }) =>
      module instanceof AdapterPart && module.adapter === name
        ? [{ site: module.site, state: module.state.values() }]
        : [],
    )
    return tuner.penalty({ config, layers }) ?? []
  })
  return penalties.length === 0 ? undefined : penalties.reduce((a, b) => add(a, b))
}

async function follow({ adapter, prefix }: BoundAdapter, access: StepAccess): Promise<void> {
  const { tuner, sites, specs, frozen } = adapter
  if (tuner.afterStep === undefined) return
  const trained = [...specs.keys()].filter((key) => !frozen.has(key))
  const slots = (keys: readonly string[] = trained) => keys.map((key) => prefix + key)
  const memory = withoutPrefix(access.memory, prefix)
  const config = await tuner.afterStep({
    config: adapter.config,
    sites,
    step: access.step,
    memory,
    read: async (keys) => withoutPrefix(await access.read(slots(keys)), prefix),
    gradients: async (keys) => withoutPrefix(await access.gradients(slots(keys)), prefix),
    write: (values) => access.write(withPrefix(values, prefix)),
  })
  for (const name of [...access.memory.keys()]) if (name.startsWith(prefix)) access.memory.delete(name)
  for (const [name, value] of withPrefix(memory, prefix)) access.memory.set(name, value)
  adapter.setConfig(config)
}

function withPrefix(values: ReadonlyMap<string, HostTensor>, prefix: string): Map<string, HostTensor> {
  return new Map([...values].map(([name, value]) => [prefix + name, value]))
}

function withoutPrefix(values: ReadonlyMap<string, HostTensor>, prefix: string): Map<string, HostTensor> {
  return new Map(
    [...values].flatMap(([slot, value]) =>
      slot.startsWith(prefix) ? [[slot.slice(prefix.length), value] as const] : [],
    ),
  )
}
