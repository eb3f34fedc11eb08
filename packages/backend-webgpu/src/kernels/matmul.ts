/**
 * Matrix products.
 *
 * Computes: y[p] = op(a[p]) op(b[p]), op the matrix or its transpose, batches p broadcast. Cases: `plain`, any shape and storage, each
 * thread 4 x 4 results; and the same in reads of four words where inner sizes allow, in three layouts: rows of both sides (a row times
 * a weight that is stored transposed), plain, and columns of both (gradients of weights). Sums are in f32, in the order of k. The result is
 * 32 bits wide. Cost: 2 m n k flops; each thread reads 8 numbers for 32 flops.
 */
import { broadcastStrides, type DType, type Shape, sizeOf } from '@espalier/core'
import { type KernelUse, perThread } from './kernel.js'
import { axesOf, axesParams } from './strides.js'
import { OFFSET, Params, reader, shader } from './wgsl.js'

/** A product to write a kernel for: the shapes of both sides and of the result, and how the sides are read. */
export interface Product {
  readonly a: Shape
  readonly b: Shape
  readonly y: Shape
  readonly transposeA: boolean
  readonly transposeB: boolean
  readonly stored: readonly [a: DType, b: DType]
}

/** y, a, b. */
export function matmulKernel(product: Product): KernelUse {
  const { a, b, y, transposeA, transposeB, stored } = product
  const [m, n] = [y.at(-2) as number, y.at(-1) as number]
  const k = a.at(transposeA ? -2 : -1) as number
  const batch = y.slice(0, -2)
  const params = new Params()
  const threads = Math.ceil(m / 4) * Math.ceil(n / 4) * sizeOf(batch)
  params.add(m, n, k, threads)
  params.add(transposeA ? 1 : k, transposeA ? m : 1, transposeB ? 1 : n, transposeB ? k : 1)
  const [ofA, ofB] = [a, b].map((side) => {
    const matrix = sizeOf(side.slice(-2))
    const strides = broadcastStrides(side.slice(0, -2), batch).map((stride) => stride * matrix)
    return params.add(...axesParams(axesOf(batch, strides)))
  }) as [number, number]
  const tile = tileOf(ofA, ofB)
  const wide = stored[0] === 'f32' && stored[1] === 'f32' ? wideLayout(product, m, n, k) : undefined
  const source =
    wide === undefined
      ? shader({
          buffers: ['y', 'a', 'b'],
          params,
          functions: [reader('readA', 'a', stored[0]), reader('readB', 'b', stored[1]), OFFSET],
          body: `${tile}\n${plainBody}`,
        })
      : shader({
          buffers: ['y', 'a', 'b'],
          vectors: wide === 'rows' ? ['a', 'b'] : ['y', 'a', 'b'],
          params,
          functions: [OFFSET, READ4],
          body: `${tile}\n${wideBodies[wide]}`,
        })
  return perThread(wide === undefined ? 'matmul' : `matmul.${wide}`, source, params.done(), threads)
}

type Wide = 'rows' | 'plain' | 'columns'

function wideLayout({ transposeA, transposeB }: Product, m: number, n: number, k: number): Wide | undefined {
  if (!transposeA && transposeB) return k % 4 === 0 ? 'rows' : undefined
  if (!transposeA && !transposeB) return k % 4 === 0 && n % 4 === 0 ? 'plain' : undefined
  return transposeA && !transposeB && m % 4 === 0 && n % 4 === 0 ? 'columns' : undefined
}

const READ4 = `fn asFloats(v: vec4<u32>) -> vec4<f32> { return bitcast<vec4<f32>>(v); }`

// Rows and columns past the end are read again from the last one, and not written.
const tileOf = (ofA: number, ofB: number) => `  if (index >= param(3u)) { return; }
  let m = param(0u);
  let n = param(1u);
  let k = param(2u);
  let across = (n + 3u) / 4u;
  let down = (m + 3u) / 4u;
  let batch = index / (across * down);
  let row = index / across % down * 4u;
  let column = index % across * 4u;
  let baseA = offset(batch, ${ofA}u);
  let baseB = offset(batch, ${ofB}u);
  var sums: array<vec4<f32>, 4>;`

const STORE = `  for (var i = 0u; i < 4u && row + i < m; i++) {
    for (var j = 0u; j < 4u && column + j < n; j++) { y[(batch * m + row + i) * n + column + j] = bitcast<u32>(sums[i][j]); }
  }`
const STORE_WIDE = `  for (var i = 0u; i < 4u && row + i < m; i++) {
    y[((batch * m + row + i) * n + column) / 4u] = bitcast<vec4<u32>>(sums[i]);
  }`

const plainBody = `  let stepA = param(5u);
  let stepB = param(6u);
  var ofA: vec4<u32>;
  var ofB: vec4<u32>;
  for (var i = 0u; i < 4u; i++) {
    ofA[i] = baseA + min(row + i, m - 1u) * param(4u);
    ofB[i] = baseB + min(column + i, n - 1u) * param(7u);
  }
  for (var l = 0u; l < k; l++) {
    let p = vec4<f32>(readA(ofA.x), readA(ofA.y), readA(ofA.z), readA(ofA.w));
    let q = vec4<f32>(readB(ofB.x), readB(ofB.y), readB(ofB.z), readB(ofB.w));
    sums[0] += p.x * q;
    sums[1] += p.y * q;
    sums[2] += p.z * q;
    sums[3] += p.w * q;
    ofA += vec4<u32>(stepA);
    ofB += vec4<u32>(stepB);
  }
${STORE}`

const rowsOfA = `  let atA = vec4<u32>(baseA) + min(vec4<u32>(row) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(m - 1u)) * k;`

const wideBodies: { readonly [W in Wide]: string } = {
  rows: `${rowsOfA}
  let atB = vec4<u32>(baseB) + min(vec4<u32>(column) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(n - 1u)) * k;
  for (var l = 0u; l < k; l += 4u) {
    let b0 = asFloats(b[(atB.x + l) / 4u]);
    let b1 = asFloats(b[(atB.y + l) / 4u]);
    let b2 = asFloats(b[(atB.z + l) / 4u]);
    let b3 = asFloats(b[(atB.w + l) / 4u]);
    let a0 = asFloats(a[(atA.x + l) / 4u]);
    let a1 = asFloats(a[(atA.y + l) / 4u]);
    let a2 = asFloats(a[(atA.z + l) / 4u]);
    let a3 = asFloats(a[(atA.w + l) / 4u]);
    sums[0] += vec4<f32>(dot(a0, b0), dot(a0, b1), dot(a0, b2), dot(a0, b3));
    sums[1] += vec4<f32>(dot(a1, b0), dot(a1, b1), dot(a1, b2), dot(a1, b3));
    sums[2] += vec4<f32>(dot(a2, b0), dot(a2, b1), dot(a2, b2), dot(a2, b3));
    sums[3] += vec4<f32>(dot(a3, b0), dot(a3, b1), dot(a3, b2), dot(a3, b3));
  }
${STORE}`,
  plain: `${rowsOfA}
  for (var l = 0u; l < k; l += 4u) {
    let b0 = asFloats(b[(baseB + l * n + column) / 4u]);
    let b1 = asFloats(b[(baseB + (l + 1u) * n + column) / 4u]);
    let b2 = asFloats(b[(baseB + (l + 2u) * n + column) / 4u]);
    let b3 = asFloats(b[(baseB + (l + 3u) * n + column) / 4u]);
    let a0 = asFloats(a[(atA.x + l) / 4u]);
    let a1 = asFloats(a[(atA.y + l) / 4u]);
    let a2 = asFloats(a[(atA.z + l) / 4u]);
    let a3 = asFloats(a[(atA.w + l) / 4u]);
    sums[0] += a0.x * b0 + a0.y * b1 + a0.z * b2 + a0.w * b3;
    sums[1] += a1.x * b0 + a1.y * b1 + a1.z * b2 + a1.w * b3;
    sums[2] += a2.x * b0 + a2.y * b1 + a2.z * b2 + a2.w * b3;
    sums[3] += a3.x * b0 + a3.y * b1 + a3.z * b2 + a3.w * b3;
  }
${STORE_WIDE}`,
  columns: `  for (var l = 0u; l < k; l++) {
    let p = asFloats(a[(baseA + l * m + row) / 4u]);
    let q = asFloats(b[(baseB + l * n + column) / 4u]);
    sums[0] += p.x * q;
    sums[1] += p.y * q;
    sums[2] += p.z * q;
    sums[3] += p.w * q;
  }
${STORE_WIDE}`,
}
