/** Files: an adapter's tensors and configuration survive a trip through their file form, whatever the adapter is called. */
import { AdaptedModel, configure, configureFromFile, type HostTensor, Random, toFileConfig } from '@espalier/core'
import { type Check, expectError, expectThat } from '../check.js'
import { EXACT, expectClose } from '../compare.js'
import { logitsOf } from './run-model.js'
import type { TunerSubject } from './subject.js'

/** Checks of a tuner's file form. */
export function fileChecks(subject: TunerSubject): Check[] {
  return [
    {
      name: 'saved tensors and configuration give the same output when loaded under another name',
      async run() {
        const adapted = await subject.moved('first')
        const saved = await saveAdapter(adapted, 'first')
        const loaded = new AdaptedModel(subject.base())
        const configured = configureFromFile(subject.tuner, saved.config)
        expectThat(configured.unknownKeys.length === 0, 'the tuner does not know its own keys', {
          unknownKeys: configured.unknownKeys,
        })
        const adapter = loaded.addAdapter('second', configured, { seed: 99 })
        adapter.setValues(saved.tensors)
        expectClose(await logitsOf(loaded), await logitsOf(adapted), EXACT, 'logits of the loaded adapter')
        const again = await saveAdapter(loaded, 'second')
        const [first, second] = [canonical(saved.config), canonical(again.config)]
        expectThat(first === second, 'the configuration changed on its way through the file', { first, second })
        expectThat(
          [...again.tensors.keys()].join() === [...saved.tensors.keys()].join(),
          'the names of tensors changed on their way through the file',
        )
      },
    },
    {
      name: 'every tensor has a name of its own below its module, without the adapter’s name',
      async run() {
        const adapted = subject.fresh('unusual_adapter_name')
        const { sites, specs, saved } = adapted.adapter('unusual_adapter_name')
        const keys = [...specs.keys()]
        expectThat(keys.length > 0, 'the adapter has no tensors to save')
        const stray = keys.filter(
          (key) =>
            key.includes('unusual_adapter_name') ||
            (![...sites, ...saved].some(({ path }) => key.startsWith(`${path}.`)) &&
              !(subject.tuner.shared !== undefined && key.startsWith('base_model.'))),
        )
        expectThat(stray.length === 0, 'some tensors are not named after their modules', { keys: stray })
        const { config } = adapted.adapter('unusual_adapter_name')
        for (const site of sites) {
          const own = keys.filter((key) => key.startsWith(`${site.path}.`))
          const tensors = Object.keys(subject.tuner.create({ site, config, random: new Random(1) }))
          expectThat(own.length === tensors.length, 'two tensors of a layer share a name, or one has none', {
            path: site.path,
            keys: own,
            tensors,
          })
        }
      },
    },
    {
      name: 'values that are missing, unknown or ill-shaped are refused with adapter.tensors, and nothing changes',
      async run() {
        const adapted = await subject.moved()
        const before = await logitsOf(adapted)
        const adapter = adapted.adapter('default')
        const values = new Map(await adapter.values())
        const [key, tensor] = [...values][0] as [string, HostTensor]
        const without = new Map([...values].filter(([name]) => name !== key))
        const wrong = {
          missing: without,
          unknown: new Map([...values, [`${key}.x`, tensor]]),
          'ill-shaped': new Map([...values, [key, { ...tensor, shape: [...tensor.shape, 1, 1] }]]),
        }
        for (const [what, given] of Object.entries(wrong))
          await expectError('adapter.tensors', `setting values, one ${what}`, async () => {
            adapter.setValues(given)
          })
        expectClose(await logitsOf(adapted), before, EXACT, 'logits after refused values')
      },
    },
    {
      name: 'unknown keys are refused in a program and named in a file, and nothing matched is refused with target.none',
      async run() {
        const config = subject.configured().config as Readonly<Record<string, unknown>>
        const mistaken = { ...config, someFutureKey: 1 }
        await expectError('config.unknown', 'an unknown key', async () => configure(subject.tuner, mistaken))
        const { unknownKeys } = configureFromFile(subject.tuner, { some_future_key: 1 }, config)
        expectThat(unknownKeys.join() === 'someFutureKey', 'the unknown key is named, and it alone', { unknownKeys })
        const adapted = new AdaptedModel(subject.base())
        // Not parsed again: what else it holds may refer to the names of its targets.
        const lost = { ...subject.configured(), config: { ...(config as object), targetModules: ['no_such_module'] } }
        await expectError('target.none', 'adapting nothing', async () => adapted.addAdapter('default', lost))
        expectThat(adapted.adapterNames.length === 0, 'a refused adapter is not added')
      },
    },
  ]
}

interface SavedAdapter {
  readonly config: Record<string, unknown>
  readonly tensors: ReadonlyMap<string, HostTensor>
}

/** What files would hold: the configuration as JSON, and copies of the tensors. */
async function saveAdapter(adapted: AdaptedModel, name: string): Promise<SavedAdapter> {
  const adapter = adapted.adapter(name)
  const { tuner, config, metadata } = adapter
  const values = await adapter.fileValues()
  return {
    config: JSON.parse(JSON.stringify(toFileConfig(tuner, config, metadata))) as Record<string, unknown>,
    tensors: new Map([...values].map(([key, tensor]) => [key, { ...tensor, data: tensor.data.slice() }])),
  }
}

function canonical(config: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1)))
}
