/** Several adapters on one model: adding, switching, deleting; equal structures share programs. */
import { AdaptedModel, programKey } from '@espalier/core'
import { type Check, expectError, expectThat } from '../check.js'
import { EXACT, expectClose } from '../compare.js'
import { expectDiffers } from './output-checks.js'
import { logitsOf, logitsProgram, move } from './run-model.js'
import type { TunerSubject } from './subject.js'

/** Checks of a tuner with several adapters. */
export function adapterChecks(subject: TunerSubject): Check[] {
  const two = async () => {
    const adapted = await subject.moved('a', 1)
    const alone = await logitsOf(adapted)
    adapted.addAdapter('b', subject.configured(), { seed: 2 })
    await move(adapted, 'b', 2)
    return { adapted, alone }
  }
  return [
    {
      name: 'adding an adapter changes nothing until it is active; switching goes there and back',
      async run() {
        const { adapted, alone } = await two()
        expectClose(await logitsOf(adapted), alone, EXACT, 'logits of the first adapter after a second was added')
        adapted.setAdapter('b')
        const second = await logitsOf(adapted)
        expectDiffers(second, alone, 'switching to another adapter')
        adapted.setAdapter('a')
        expectClose(await logitsOf(adapted), alone, EXACT, 'logits of the first adapter after switching back')
      },
    },
    {
      name: 'two active adapters both take part, and their order of adding does not matter to each alone',
      async run() {
        const { adapted, alone } = await two()
        adapted.setAdapter('b')
        const second = await logitsOf(adapted)
        if (adapted.adapter('a').saved.length > 0) {
          const both = async () => adapted.setAdapter(['a', 'b'])
          await expectError('adapter.state', 'activating two adapters that train one module in full', both)
          return
        }
        adapted.setAdapter(['a', 'b'])
        const both = await logitsOf(adapted)
        expectDiffers(both, alone, 'the second active adapter')
        expectDiffers(both, second, 'the first active adapter')
        const other = new AdaptedModel(subject.base())
        other.addAdapter('b', subject.configured(), { seed: 2 })
        await move(other, 'b', 2)
        expectClose(await logitsOf(other), second, EXACT, 'logits of the second adapter on a model of its own')
      },
    },
    {
      name: 'deleting the active adapter makes the other one active, deleting both gives the base back',
      async run() {
        const { adapted } = await two()
        adapted.setAdapter('b')
        const second = await logitsOf(adapted)
        adapted.setAdapter('a')
        adapted.deleteAdapter('a')
        expectClose(await logitsOf(adapted), second, EXACT, 'logits after the other adapter was deleted')
        adapted.deleteAdapter('b')
        expectClose(
          await logitsOf(adapted),
          await logitsOf(adapted, adapted.base.model),
          EXACT,
          'logits without adapters',
        )
        await expectError('adapter.name', 'deleting an adapter that is gone', async () => {
          adapted.deleteAdapter('b')
        })
      },
    },
    {
      name: 'adapters of one configuration share their program, so switching compiles nothing',
      async run() {
        const { adapted } = await two()
        const first = programKey(logitsProgram(adapted.model))
        adapted.setAdapter('b')
        expectThat(
          programKey(logitsProgram(adapted.model)) === first,
          'two adapters of one configuration gave two programs: values belong to state, not to the graph',
        )
      },
    },
    {
      name: 'a seed decides the initial values',
      async run() {
        const values = async (seed: number) =>
          [...(await subject.fresh('default', seed).adapter('default').values())]
            .map(([key, { data }]) => `${key} ${data.join()}`)
            .join('\n')
        const [first, second, other] = [await values(5), await values(5), await values(6)]
        expectThat(first === second, 'the same seed gave other values')
        if (subject.drawsInitialValues) expectThat(first !== other, 'another seed gave the same values')
        else expectThat(first === other, 'the values that were said to be constant changed with the seed')
      },
    },
  ]
}
