/** A family of models as data: what it has of its own. The rest of its Architecture follows. */
import {
  type Architecture,
  type ModelConfig,
  type ParameterScope,
  type TaskType,
  unsupportedTask,
} from '@espalier/core'
import { ConfigKeys } from './config/config-keys.js'
import type { BareModel } from './heads/bare-model.js'
import type { Head } from './heads/head.js'

/** What one family has of its own. */
export interface Family<Settings, Base extends BareModel>
  extends Pick<
    Architecture,
    | 'modelType'
    | 'absentHeads'
    | 'baseModelPrefix'
    | 'taskPrefixes'
    | 'defaultTargets'
    | 'floatLayers'
    | 'renameParameter'
  > {
  /** What config.json means where it lacks these keys, as far as that differs between families. */
  readonly defaults?: ModelConfig
  /** The family's own keys of config.json -> the names that they are read by here; by those alone nothing is read. */
  readonly renames?: Readonly<Record<string, string>>
  /** Other keys of config.json -> those that mean the same, and give way where both stand, as in transformers. */
  readonly aliases?: Readonly<Record<string, string>>
  /** What config.json says of the bare model, checked. Throws model.config and model.unsupported, naming the key. */
  settings(keys: ConfigKeys): Settings
  /** The bare model, with the parts that a task's head needs. */
  base(settings: Settings, scope: ParameterScope, task: TaskType): Base
  /** The heads that it has; the first is for checkpoints that do not say what they were saved from. */
  readonly heads: Readonly<Partial<Record<TaskType, Head<Base>>>>
}

/** The architecture of a family: the bare model at the scope's root, or below the family's prefix and under a head. */
export function architectureOf<Settings, Base extends BareModel>(family: Family<Settings, Base>): Architecture {
  const { heads, settings, base, defaults, renames = {}, aliases = {}, ...own } = family
  const architecture: Architecture = {
    ...own,
    tasks: Object.keys(heads) as TaskType[],
    build(config, scope, task) {
      const read = new Set(Object.values(renames))
      const plain = Object.entries(config).filter(([key]) => !read.has(key))
      const named = [...namedAs(renames, config), ...namedAs(aliases, config)]
      const keys = new ConfigKeys({ ...defaults, ...Object.fromEntries([...plain, ...named]) })
      const prefix = own.taskPrefixes?.[task] ?? own.baseModelPrefix
      const checked = settings(keys)
      const head = Object.hasOwn(heads, task) ? heads[task] : undefined
      if (head === undefined) throw unsupportedTask(architecture, task)
      const below = task === 'FEATURE_EXTRACTION' ? scope : scope.at(prefix)
      return head({ base: base(checked, below, task), prefix, keys, scope })
    },
  }
  return architecture
}

// What a configuration says by other names.
function namedAs(names: Readonly<Record<string, string>>, config: ModelConfig): [string, unknown][] {
  return Object.entries(names).flatMap(([from, to]): [string, unknown][] =>
    config[from] == null ? [] : [[to, config[from]]],
  )
}
