/**
 * Tensors of LoRA on mixtures of experts as transformers 4 had their layers, one for each expert, as those of today's parameters. With
 * W = [W1; W3] of two layers that became one, A = [A1; A3] and B holds B1 and B3 as blocks on its diagonal, so that B A = [B1 A1; B3 A3].
 */
import { EspalierError, type FileTensor, hostTensor, type Shape, sameShape, sizeOf, toFloat32 } from '@espalier/core'
import { type Fused, fusedOf } from './fused-experts.js'

const HOLDER = 'mlp' // of router and experts today

/** The tensors under today's keys. Throws adapter.tensors where an expert lacks some, or has them in another shape than the others. */
export function withFusedTensors(
  tensors: ReadonlyMap<string, FileTensor>,
  modelType: string,
): ReadonlyMap<string, FileTensor> {
  const fused = Object.hasOwn(fusedOf, modelType) ? fusedOf[modelType] : undefined
  if (fused === undefined) return tensors
  const pattern = new RegExp(
    `^(.*\\.)?${fused.holder}\\.(?:experts\\.(\\d+)\\.([^.]+)|([^.]+))\\.(lora_[AB])\\.weight$`,
  )
  const found = new Map<string, FileTensor>()
  const groups = new Map<string, Group>()
  for (const [key, tensor] of tensors) {
    const [, layer = '', expert, name, beside, factor] = pattern.exec(key) ?? []
    if (expert !== undefined && name !== undefined && Object.hasOwn(fused.parameters, name)) {
      const group = groupIn(groups, `${layer}${HOLDER}.experts`, fused.parameters[name] as string, factor as Factor)
      group.parts.set(`${Number(expert)}.${name}`, tensor)
    } else found.set(beside === undefined ? key : `${layer}${HOLDER}.${beside}.${factor}.weight`, tensor)
  }
  for (const group of groups.values()) {
    // PEFT nests the wrappers of a module's parameters, the first one innermost.
    const isInner = group.parameter === 'gate_up_proj' && groups.has(keyOf({ ...group, parameter: 'down_proj' }))
    found.set(`${group.holder}${isInner ? '.base_layer' : ''}.${group.factor}.weight`, fusedTensor(group, fused))
  }
  return found
}

type Factor = 'lora_A' | 'lora_B'

/** What becomes one tensor. */
interface Group {
  readonly holder: string
  readonly parameter: string
  readonly factor: Factor
  /** By expert and older name: `0.w1`. */
  readonly parts: Map<string, FileTensor>
}

function keyOf({ holder, parameter, factor }: Omit<Group, 'parts'>): string {
  return `${holder}.${parameter}.${factor}`
}

function groupIn(groups: Map<string, Group>, holder: string, parameter: string, factor: Factor): Group {
  const made = { holder, parameter, factor, parts: new Map<string, FileTensor>() }
  const group = groups.get(keyOf(made)) ?? made
  groups.set(keyOf(made), group)
  return group
}

function fusedTensor(group: Group, fused: Fused): FileTensor {
  const { factor, parts } = group
  const names = Object.keys(fused.parameters).filter((name) => fused.parameters[name] === group.parameter)
  const experts = 1 + Math.max(...Array.from(parts.keys(), (key) => Number.parseInt(key, 10)))
  const [rows, columns] = oneShape(group, experts * names.length)
  const keys = Array.from({ length: experts }, (_, expert) => names.map((name) => `${expert}.${name}`)).flat()
  const shape: Shape =
    factor === 'lora_A' ? [keys.length * rows, columns] : [names.length * rows, keys.length * columns]
  return {
    shape,
    async read() {
      const data = new Float32Array(sizeOf(shape))
      for (const [i, key] of keys.entries()) {
        const own = toFloat32(await (parts.get(key) as FileTensor).read())
        if (factor === 'lora_A') data.set(own, i * rows * columns)
        else placeB(data, own, { rows, columns, experts, together: names.length, i })
      }
      return hostTensor('f32', shape, data)
    },
  }
}

// The shape of `count` matrices that are all there and alike.
function oneShape({ holder, parameter, factor, parts }: Group, count: number): readonly [number, number] {
  const shapes = [...parts.values()].map(({ shape }) => shape)
  const [first] = shapes
  if (first?.length === 2 && parts.size === count && shapes.every((shape) => sameShape(shape, first)))
    return first as readonly [number, number]
  throw new EspalierError('adapter.tensors', {
    what: 'layers of experts are one parameter now, and the adapter does not have all of them in one shape',
    got: { module: holder, parameter, tensor: factor, needed: count, present: parts.size, shapes: distinct(shapes) },
    fix: 'Save it again with all of them targeted at one rank',
  })
}

function distinct(shapes: readonly Shape[]): string[] {
  return [...new Set(shapes.map((shape) => shape.join(' x ')))]
}

// One layer's B (rows, columns) in that of all, (together rows, together columns experts), of which experts follow each other.
function placeB(
  all: Float32Array,
  own: Float32Array,
  { rows, columns, experts, together, i }: Readonly<Record<'rows' | 'columns' | 'experts' | 'together' | 'i', number>>,
): void {
  const [expert, block] = [Math.floor(i / together), i % together]
  const width = together * columns * experts
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      all[(block * rows + row) * width + (block * columns + column) * experts + expert] = own[
        row * columns + column
      ] as number
}
