import { describe, expect, it } from 'vitest'
import { shift, stretch, tinyBase } from '../adapted/tiny-model.fake.js'
import type { Tensor } from '../graph/tensor.js'
import { Model } from '../model/model.js'
import { initialValues, ParameterScope } from '../module/scope.js'
import { Random } from '../random.js'
import type { TargetConfig } from './families.js'
import { matchesPath } from './matches-path.js'
import { condenseTargets, findTargets, isSaved, isTarget, resolveTargets } from './targets.js'

const path = 'model.layers.1.self_attn.q_proj'

describe('isTarget', () => {
  it.each<[string, TargetConfig, boolean]>([
    ['the end of a path', { targetModules: ['q_proj'] }, true],
    ['several names of the end', { targetModules: ['self_attn.q_proj'] }, true],
    ['the whole path', { targetModules: [path] }, true],
    ['half a name', { targetModules: ['proj'] }, false],
    ['a pattern in a list', { targetModules: ['.*q_proj'] }, false],
    ['a pattern', { targetModules: '.*\\.q_proj' }, true],
    ['a pattern that matches a part', { targetModules: 'q_proj' }, false],
    ['nothing', { targetModules: [] }, false],
    ['no targets', { targetModules: null }, false],
    ['an excluded name', { targetModules: ['q_proj'], excludeModules: ['self_attn.q_proj'] }, false],
    ['an excluded pattern', { targetModules: ['q_proj'], excludeModules: '.*layers\\.1.*' }, false],
    ['another excluded name', { targetModules: ['q_proj'], excludeModules: ['k_proj'] }, true],
    ['an empty exclusion', { targetModules: ['q_proj'], excludeModules: '' }, true],
    ['a module above saved in full', { targetModules: ['q_proj'], modulesToSave: ['self_attn'] }, false],
    ['itself saved in full', { targetModules: ['q_proj'], modulesToSave: ['q_proj'] }, false],
    ['its layer', { targetModules: ['q_proj'], layersToTransform: [1] }, true],
    ['its layer as a number', { targetModules: ['q_proj'], layersToTransform: 1 }, true],
    ['another layer', { targetModules: ['q_proj'], layersToTransform: [0, 2] }, false],
    ['an empty list of layers', { targetModules: ['q_proj'], layersToTransform: [] }, true],
    ['the whole path in another layer', { targetModules: [path], layersToTransform: [0] }, true],
    ['its layer by pattern', { targetModules: ['q_proj'], layersToTransform: [1], layersPattern: 'layers' }, true],
    ['a second pattern', { targetModules: ['q_proj'], layersToTransform: [1], layersPattern: ['h', 'layers'] }, true],
    ['no such pattern', { targetModules: ['q_proj'], layersToTransform: [1], layersPattern: ['h'] }, false],
  ])('%s', (_, config, expected) => {
    expect(isTarget(path, config)).toBe(expected)
  })

  it('takes the first number as the layer, not an expert’s', () => {
    const expert = 'model.layers.1.experts.0.w'
    expect(isTarget(expert, { targetModules: ['w'], layersToTransform: [1] })).toBe(true)
    expect(isTarget(expert, { targetModules: ['w'], layersToTransform: [0] })).toBe(false)
  })

  it('finds layers at the start of a path only by pattern, as PEFT', () => {
    const config = { targetModules: ['q_proj'], layersToTransform: [1] }
    expect(isTarget('layers.1.q_proj', config)).toBe(false)
    expect(isTarget('layers.1.q_proj', { ...config, layersPattern: 'layers' })).toBe(true)
  })
})

describe('matchesPath and isSaved', () => {
  it('match whole names', () => {
    expect(matchesPath('a.b', ['b'])).toBe(true)
    expect(matchesPath('a.bb', ['b'])).toBe(false)
    expect(isSaved('a.b.c', ['b'])).toBe(true)
    expect(isSaved('a.bb.c', ['b'])).toBe(false)
    expect(isSaved('a', null)).toBe(false)
  })
})

describe('findTargets', () => {
  const { model } = tinyBase()

  it('gives sites in the tree’s order', () => {
    const found = findTargets(model, shift, { targetModules: ['c_proj', 'embed_tokens'] })
    expect(found.map(({ site }) => site)).toEqual([
      {
        path: 'model.embed_tokens',
        paths: ['model.embed_tokens'],
        kind: 'embedding',
        inSize: 6,
        outSize: 4,
        hasBias: false,
      },
      ...[0, 1].map((layer) => {
        const path = `model.layers.${layer}.c_proj`
        return { path, paths: [path], kind: 'conv1d', inSize: 4, outSize: 4, hasBias: true }
      }),
    ])
  })

  it('lists the names that exist when nothing matches', () => {
    expect(() => findTargets(model, shift, { targetModules: ['query'] })).toThrow(
      expect.objectContaining({
        code: 'target.none',
        details: expect.objectContaining({
          names: ['model.embed_tokens', 'model.layers.*.q_proj', 'model.layers.*.c_proj', 'lm_head'],
        }),
      }),
    )
    // As PEFT does, also where modules are saved in full beside them.
    for (const config of [{ targetModules: [] }, { targetModules: [], modulesToSave: ['lm_head'] }])
      expect(() => findTargets(model, shift, config)).toThrow(expect.objectContaining({ code: 'target.none' }))
  })

  it('refuses modules that the method cannot adapt', () => {
    for (const [tuner, name] of [
      [shift, 'norm'],
      [stretch, 'embed_tokens'],
    ] as const)
      expect(() => findTargets(model, tuner, { targetModules: [name] })).toThrow(
        expect.objectContaining({ code: 'target.unsupported' }),
      )
  })
})

describe('resolveTargets', () => {
  const { model } = tinyBase()

  it('completes defaults, and all-linear without the head', () => {
    expect(resolveTargets({ targetModules: null }, model, ['q'], 'tiny').targetModules).toEqual(['q'])
    expect(resolveTargets({}, model, '.*q', 'tiny')).toEqual({ targetModules: '.*q' })
    expect(resolveTargets({ targetModules: 'All-Linear' }, model, undefined, 'tiny').targetModules).toEqual(
      [0, 1].flatMap((layer) => ['q_proj', 'c_proj'].map((name) => `model.layers.${layer}.${name}`)),
    )
    expect(resolveTargets({ targetModules: '.*q' }, model, undefined, 'tiny').targetModules).toBe('.*q')
    for (const none of [undefined, []])
      expect(() => resolveTargets({}, model, none, 'tiny')).toThrow(expect.objectContaining({ code: 'target.none' }))
  })
})

describe('layers of a bare model', () => {
  const scope = new ParameterScope(initialValues(new Random(0)))
  class Bare extends Model {
    readonly task = 'FEATURE_EXTRACTION'
    readonly className = 'BareModel'
    readonly causal = true
    readonly sizes = tinyBase().model.sizes
    readonly layers = [0, 1].map((i) => scope.linear(`layers.${i}`, 2, 2, { bias: false }))

    override get layerPaths() {
      return ['layers']
    }

    forward(x: Tensor): Tensor {
      return x
    }
  }
  const config = { targetModules: ['q_proj'], layersToTransform: [1] }
  const resolve = (given: TargetConfig, model: Model) => resolveTargets(given, model, undefined, 'tiny')

  it('are found by number alone, and named for PEFT', () => {
    const resolved = resolve(config, new Bare())
    expect(resolved.layersPattern).toEqual(['layers'])
    expect([isTarget('layers.1.q_proj', resolved), isTarget('layers.0.q_proj', resolved)]).toEqual([true, false])
  })

  it('are not named where PEFT finds them, a pattern is given, or all layers are meant', () => {
    const given = { ...config, layersPattern: 'h' }
    expect(resolve(config, tinyBase().model)).toBe(config)
    expect(resolve(given, new Bare())).toBe(given)
    expect(resolve({ ...config, layersToTransform: [] }, new Bare()).layersPattern).toBeUndefined()
  })
})

describe('condenseTargets', () => {
  const paths = Array.from({ length: 12 }, (_, i) => ['q', 'k', 'v'].map((name) => `m.layers.${i}.${name}`)).flat()
  const of = (...names: string[]) => paths.filter((each) => names.some((name) => each.endsWith(`.${name}`)))

  it('leaves fewer than 20 as they are', () => {
    expect(condenseTargets(of('q'), paths)).toEqual(of('q'))
  })

  it('finds the ends that match the same modules', () => {
    expect(condenseTargets(of('q', 'v'), [...paths, 'm', 'm.layers'])).toEqual(['q', 'v'])
  })

  it('keeps longer ends where others share the shorter', () => {
    const targets = of('q', 'k').filter((each) => each !== 'm.layers.3.q')
    const condensed = condenseTargets(targets, paths)
    const matched = paths.filter((each) => matchesPath(each, condensed))
    expect(matched).toEqual(targets)
    expect(condensed).toContain('k')
  })

  it('loses no entry that is itself an end of paths', () => {
    const targets = ['q', ...of('k', 'v').slice(0, 20)]
    const condensed = condenseTargets(targets, paths)
    expect(paths.filter((each) => matchesPath(each, condensed))).toEqual(
      paths.filter((each) => matchesPath(each, targets)),
    )
  })
})
