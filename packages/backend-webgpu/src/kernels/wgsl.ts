/**
 * What all kernels share: bindings, parameters, and how dtypes lie in 32-bit words. On the device a tensor has the bytes that it has on the
 * host, little-endian, filled up to a whole word: f32, i32 and u32 are a word each, f16 and bf16 lie two to a word, bool, u8 and i8 four.
 * WGSL has no smaller storage, so a thread reads a lane of a word and writes whole words. In registers floats are f32, bool is 0 or 1.
 */
import { byteSize, type DType, type HostTensor, hostTensor, isFloat, toFloat64 } from '@espalier/core'

/** Threads of a workgroup, of kernels that have no reason for another number. */
export const THREADS = 64

/** Elements in a word. */
export function lanesOf(stored: DType): number {
  return 4 / byteSize(stored)
}

/** Words that hold elements. */
export function wordsFor(stored: DType, size: number): number {
  return Math.ceil(size / lanesOf(stored))
}

/** The WGSL type that a dtype has in registers. */
export function registerOf(dtype: DType): 'f32' | 'i32' | 'u32' {
  if (isFloat(dtype)) return 'f32'
  return dtype === 'i32' || dtype === 'i8' ? 'i32' : 'u32'
}

/** A function `name(i)`: element i of a buffer, in its register type. */
export function reader(name: string, buffer: string, stored: DType): string {
  const body: Partial<Record<DType, string>> = {
    f32: `bitcast<f32>(${buffer}[i])`,
    f16: `unpack2x16float(${buffer}[i >> 1u])[i & 1u]`,
    bf16: `bitcast<f32>(extractBits(${buffer}[i >> 1u], (i & 1u) * 16u, 16u) << 16u)`,
    i32: `bitcast<i32>(${buffer}[i])`,
    u32: `${buffer}[i]`,
    i8: `extractBits(bitcast<i32>(${buffer}[i >> 2u]), (i & 3u) * 8u, 8u)`,
  }
  const byte = `extractBits(${buffer}[i >> 2u], (i & 3u) * 8u, 8u)`
  return `fn ${name}(i: u32) -> ${registerOf(stored)} { return ${body[stored] ?? byte}; }`
}

/** A function `name(i)`: the bits of element i of a buffer, whatever they mean. */
export function bitsReader(name: string, buffer: string, bytes: number): string {
  const body = {
    4: `${buffer}[i]`,
    2: `extractBits(${buffer}[i >> 1u], (i & 1u) * 16u, 16u)`,
    1: `extractBits(${buffer}[i >> 2u], (i & 3u) * 8u, 8u)`,
  }[bytes]
  return `fn ${name}(i: u32) -> u32 { return ${body}; }`
}

/** The bits of a register value as they are stored: an expression, and the function that it calls, if any. */
export function encoded(value: string, stored: DType): { readonly code: string; readonly needs: readonly string[] } {
  if (stored === 'f16') return { code: `f16Bits(${value})`, needs: [F16_BITS] }
  if (stored === 'bf16') return { code: `bf16Bits(${value})`, needs: [BF16_BITS] }
  if (stored === 'u32') return { code: value, needs: [] }
  if (stored === 'bool' || stored === 'u8') return { code: `(${value} & 0xffu)`, needs: [] }
  return { code: stored === 'i8' ? `(bitcast<u32>(${value}) & 0xffu)` : `bitcast<u32>(${value})`, needs: [] }
}

// Ties to even, as core's encodeF16: what pack2x16float does with them is left to drivers.
const F16_BITS = `fn f16Bits(v: f32) -> u32 {
  let bits = bitcast<u32>(v);
  let sign = (bits >> 16u) & 0x8000u;
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) { return sign | 0x7e00u; }
  if (magnitude >= 0x477ff000u) { return sign | 0x7c00u; }
  if (magnitude < 0x38800000u) { return sign | u32(round(bitcast<f32>(magnitude) * 16777216.0)); }
  return sign | ((magnitude + 0xfffu + ((magnitude >> 13u) & 1u) - 0x38000000u) >> 13u);
}`
const BF16_BITS = `fn bf16Bits(v: f32) -> u32 {
  let bits = bitcast<u32>(v);
  if ((bits & 0x7fffffffu) > 0x7f800000u) { return (bits >> 16u) | 0x40u; }
  return (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u;
}`

/** The register value of a number that stands everywhere, as bits. */
export function constantBits(dtype: DType, value: number): number {
  const tensor: HostTensor = hostTensor(dtype, [], [value])
  if (!isFloat(dtype)) return (tensor.data[0] as number) >>> 0
  return new Uint32Array(Float32Array.of(toFloat64(tensor)[0] as number).buffer)[0] as number
}

/** The 32-bit words of a uniform, while a kernel is written. */
export class Params {
  private readonly words: number[] = []

  /** Adds words; the place of the first. */
  add(...values: readonly number[]): number {
    this.words.push(...values)
    return this.words.length - values.length
  }

  /** Words of the uniform as kernels declare it: sizes are few, so that shaders are. */
  get declared(): number {
    return Math.ceil(Math.max(1, this.words.length) / 64) * 64
  }

  /** The words. */
  done(): Uint32Array {
    const all = new Uint32Array(this.declared)
    all.set(this.words)
    return all
  }
}

/** Parts of a shader. */
export interface ShaderParts {
  /** Names of the buffers, at bindings 1 and up. The name `errors` is the buffer that indices outside are noted in. */
  readonly buffers: readonly string[]
  /** Those that are written. Default: the one named `y`. */
  readonly results?: readonly string[]
  /** Those that are read and written in four words at once. */
  readonly vectors?: readonly string[]
  readonly params: Params
  /** Functions and memory of workgroups; equal ones are written once. */
  readonly functions?: readonly string[]
  /** Body of the entry point. `index` is the number of the thread, or with `perGroup` of the workgroup, in which `local` is that of the thread. */
  readonly body: string
  readonly threads?: number
  readonly perGroup?: boolean
}

/** A whole shader. */
export function shader(parts: ShaderParts): string {
  const {
    buffers,
    results = ['y'],
    vectors = [],
    params,
    functions = [],
    body,
    threads = THREADS,
    perGroup = false,
  } = parts
  const elementOf = (name: string) => (name === 'errors' ? 'atomic<u32>' : vectors.includes(name) ? 'vec4<u32>' : 'u32')
  const accessOf = (name: string) => (name === 'errors' || results.includes(name) ? 'read_write' : 'read')
  const bindings = buffers.map(
    (name, i) => `@group(0) @binding(${i + 1}) var<storage, ${accessOf(name)}> ${name}: array<${elementOf(name)}>;`,
  )
  const index = perGroup ? 'group.x + group.y * groups.x' : `global.x + global.y * groups.x * ${threads}u`
  return [
    `@group(0) @binding(0) var<uniform> params: array<vec4<u32>, ${params.declared / 4}>;`,
    ...bindings,
    'fn param(i: u32) -> u32 { return params[i >> 2u][i & 3u]; }',
    ...new Set(functions),
    `@compute @workgroup_size(${threads})`,
    'fn main(@builtin(global_invocation_id) global: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>,',
    '  @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) local: u32) {',
    `  let index = ${index};`,
    body,
    '}',
    '',
  ].join('\n')
}

/** `offset(i, at)`: where element i lies, by the rank and the pairs of extent and stride, innermost first, that begin at a parameter. */
export const OFFSET = `fn offset(i: u32, at: u32) -> u32 {
  var rest = i;
  var sum = 0u;
  for (var axis = 0u; axis < param(at); axis++) {
    let extent = param(at + 1u + 2u * axis);
    sum += (rest % extent) * param(at + 2u + 2u * axis);
    rest /= extent;
  }
  return sum;
}`

/** `checked(i, size, at)`: an index inside, or 0 with a note of it under the number of the check at a parameter. The first check to note wins. */
export const CHECKED = `fn checked(i: u32, size: u32, at: u32) -> u32 {
  if (i < size) { return i; }
  atomicMax(&errors[0], 0xffffffffu - param(at));
  atomicStore(&errors[1u + param(at)], i);
  return 0u;
}`

/** A body that makes one word of `y`, of `size` elements, in each thread, from an expression over `i` that gives an element's bits. */
export function wordBody(lanes: number, statements: string, bits: string): string {
  if (lanes === 1)
    return `  if (index >= param(0u)) { return; }\n  let i = index;\n${statements}\n  y[index] = ${bits};`
  return `  if (index * ${lanes}u >= param(0u)) { return; }
  var word = 0u;
  for (var lane = 0u; lane < ${lanes}u; lane++) {
    let i = index * ${lanes}u + lane;
    if (i < param(0u)) {
${statements}
      word |= (${bits}) << (lane * ${32 / lanes}u);
    }
  }
  y[index] = word;`
}
