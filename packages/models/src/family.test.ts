import { moduleAt, namedModules, printModule, type TaskType } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { architectures } from './architectures.js'
import { tinyFamilies, tinyModel } from './fixtures/tiny-model.js'

it('has a tiny configuration of every family', () => {
  expect(new Set(tinyFamilies.map(([{ modelType }]) => modelType))).toEqual(
    new Set(architectures.map(({ modelType }) => modelType)),
  )
})

describe.each(tinyFamilies)('the family $modelType', (architecture, config) => {
  const build = (task: TaskType) => tinyModel(architecture, config, task)

  it.each(architecture.tasks)('names its layers, its class and its bare model in %s', (task) => {
    const model = build(task)
    const { layerPaths } = model
    const paths = namedModules(model).map(({ path }) => path)
    expect(model.task).toBe(task)
    expect(layerPaths).toHaveLength(architecture.tasks.includes('SEQ_2_SEQ_LM') ? 2 : 1)
    for (const path of layerPaths) expect(paths).toEqual(expect.arrayContaining([`${path}.0`, `${path}.1`]))
    expect(printModule(model).split(/[ \n]/)[0]).toBe(model.className)
    if (task !== 'FEATURE_EXTRACTION' && task !== 'SEQ_2_SEQ_LM')
      expect(moduleAt(model, architecture.baseModelPrefix)).toMatchObject({ task: 'FEATURE_EXTRACTION' })
  })

  it('refuses tasks that it has no head for', () => {
    const others = (['CAUSAL_LM', 'SEQ_2_SEQ_LM', 'TOKEN_CLS'] as const).filter(
      (task) => !architecture.tasks.includes(task),
    )
    expect(others.length).toBeGreaterThan(0)
    for (const task of others) expect(() => build(task)).toThrow(expect.objectContaining({ code: 'model.unsupported' }))
  })
})
