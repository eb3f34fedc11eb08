import { moduleAt, namedModules, printModule, type TaskType } from '@espalier/core'
import { describe, expect, it } from 'vitest'
import { architectures } from './architectures.js'
import {
  continuationsOf,
  forwardOf,
  idsOf,
  placedRow,
  rounded,
  tinyConfig,
  tinyFamilies,
  tinyModel,
} from './fixtures/tiny-model.js'

it('has a tiny configuration of every family', () => {
  expect(new Set(tinyFamilies.map(([{ modelType }]) => modelType))).toEqual(
    new Set(architectures.map(({ modelType }) => modelType)),
  )
})

describe.each(tinyFamilies)('the family $modelType', (architecture, config) => {
  const build = (task: TaskType) => tinyModel(architecture, tinyConfig(architecture, config, task), task)

  it.each(architecture.tasks)('names its layers, its class and its bare model in %s', (task) => {
    const model = build(task)
    const { layerPaths } = model
    const paths = namedModules(model).map(({ path }) => path)
    expect(model.task).toBe(task)
    const hasEncoder = architecture.tasks.includes('SEQ_2_SEQ_LM') && task !== 'CAUSAL_LM' && task !== 'TOKEN_CLS'
    expect(layerPaths).toHaveLength(hasEncoder ? 2 : 1)
    for (const path of layerPaths) expect(paths).toEqual(expect.arrayContaining([`${path}.0`, `${path}.1`]))
    expect(printModule(model).split(/[ \n]/)[0]).toBe(model.className)
    const prefix = architecture.taskPrefixes?.[task] ?? architecture.baseModelPrefix
    if (task !== 'FEATURE_EXTRACTION' && prefix !== '')
      expect(moduleAt(model, prefix)).toMatchObject({ task: 'FEATURE_EXTRACTION' })
  })

  it('refuses tasks that it has no head for', () => {
    const others = (['CAUSAL_LM', 'SEQ_2_SEQ_LM', 'TOKEN_CLS'] as const).filter(
      (task) => !architecture.tasks.includes(task),
    )
    expect(others.length).toBeGreaterThan(0)
    for (const task of others) expect(() => build(task)).toThrow(expect.objectContaining({ code: 'model.unsupported' }))
  })
})

const causal = tinyFamilies.filter(([{ tasks }]) => tasks.includes('CAUSAL_LM'))

describe.each(causal)('the causal family $modelType', (architecture, config) => {
  it.runIf(architecture.tasks.includes('CAUSAL_LM'))(
    'generates with a cache what passes without one give',
    async () => {
      const model = tinyModel(architecture, tinyConfig(architecture, config, 'CAUSAL_LM'), 'CAUSAL_LM')
      const prompt = [5, 3, 9, 1, 7]
      const [made = []] = await continuationsOf(model, [prompt], 6)
      const logits = rounded((await forwardOf(model, placedRow([...prompt, ...made]))).y, 6)
      const { vocabularySize: width } = model.sizes
      const likeliest = made.map((_, i) => {
        const row = logits.slice((prompt.length - 1 + i) * width, (prompt.length + i) * width)
        return row.indexOf(Math.max(...row))
      })
      expect(made).toHaveLength(6)
      expect(made).toEqual(likeliest)
    },
  )

  it('reads the documents of a packed row as rows of their own', async () => {
    const model = tinyModel(architecture, tinyConfig(architecture, config, 'CAUSAL_LM'), 'CAUSAL_LM')
    const documents = [
      [5, 3, 9, 1, 7],
      [2, 8],
      [6, 4, 4, 1],
    ]
    const numbered = documents.flatMap((ids, document) => ids.map((id, position) => ({ id, document, position })))
    const row = (of: (token: { id: number; document: number; position: number }) => number) => idsOf([numbered.map(of)])
    const feeds = {
      input_ids: row(({ id }) => id),
      document_ids: row(({ document }) => document),
      position_ids: row(({ position }) => position),
    }
    const { y: packed } = await forwardOf(model, feeds)
    const apart = await Promise.all(documents.map((ids) => forwardOf(model, placedRow(ids))))
    const values = apart.flatMap(({ y }) => Array.from(y?.data ?? []))
    const differences = values.map((value, i) => Math.abs(value - (packed?.data[i] as number)))
    // Falcon rounds what it adds by place to bfloat16, and counts places through the row.
    expect(Math.max(...differences)).toBeLessThan(architecture.modelType === 'falcon' ? 0.02 : 1e-5)
  })
})
