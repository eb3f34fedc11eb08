/**
 * Ops that address elements by index. An index outside is noted under the number of its check, and 0 is read instead: the host refuses the
 * run, and state keeps its values.
 *
 * Cases: gatherRows, gatherAlong, scatterAddRows, writeRows (a whole new buffer, or rows of a buffer in place), topK; f32, i32 and u32 add
 * up in registers of their own. Cost: gathers and writes one pass over the result. scatterAddRows reads every index for every element
 * of the result, in ascending order: no atomics, equal sums in every run. topK reads a row k times.
 */
import { byteSize, type DType, type Shape, sizeOf } from '@espalier/core'
import { type KernelUse, perThread } from './kernel.js'
import { sized } from './movement.js'
import {
  bitsReader,
  CHECKED,
  encoded,
  lanesOf,
  Params,
  reader,
  registerOf,
  shader,
  THREADS,
  wordBody,
  wordsFor,
} from './wgsl.js'

/** y, table, indices, errors. */
export function gatherRowsKernel(stored: DType, table: Shape, shape: Shape, check: number): KernelUse {
  const params = sized(stored, sizeOf(shape))
  params.add(sizeOf(table.slice(1)), table[0] as number, check)
  const bits = 'x_(checked(indices[i / param(1u)], param(2u), 3u) * param(1u) + i % param(1u))'
  return addressed('gatherRows', stored, shape, params, bits)
}

/** y, x, indices, errors. */
export function gatherAlongKernel(stored: DType, own: Shape, shape: Shape, axis: number, check: number): KernelUse {
  const params = sized(stored, sizeOf(shape))
  const inner = sizeOf(shape.slice(axis + 1))
  params.add((shape[axis] as number) * inner, inner, own[axis] as number, check)
  const row = '(i / param(1u) * param(3u) + checked(indices[i], param(3u), 4u))'
  return addressed('gatherAlong', stored, shape, params, `x_(${row} * param(2u) + i % param(2u))`)
}

function addressed(name: string, stored: DType, shape: Shape, params: Params, bits: string): KernelUse {
  const source = shader({
    buffers: ['y', 'x', 'indices', 'errors'],
    params,
    functions: [bitsReader('x_', 'x', byteSize(stored)), CHECKED],
    body: wordBody(lanesOf(stored), '', bits),
  })
  return perThread(name, source, params.done(), wordsFor(stored, sizeOf(shape)))
}

/** y, indices, updates, errors. The result is 32 bits wide. */
export function scatterAddRowsKernel(stored: DType, count: number, shape: Shape, check: number): KernelUse {
  const register = registerOf(stored)
  const params = sized('u32', sizeOf(shape))
  params.add(sizeOf(shape.slice(1)), shape[0] as number, check, count)
  const source = shader({
    buffers: ['y', 'indices', 'updates', 'errors'],
    params,
    functions: [reader('update', 'updates', stored), CHECKED],
    body: `  if (index >= param(0u)) { return; }
  let row = index / param(1u);
  let column = index % param(1u);
  var sum = ${register}(0);
  for (var j = 0u; j < param(4u); j++) {
    let at = indices[j];
    if (at == row) { sum += update(j * param(1u) + column); }
    if (index == 0u) { _ = checked(at, param(2u), 3u); }
  }
  y[index] = ${encoded('sum', register).code};`,
  })
  return perThread('scatterAddRows', source, params.done(), sizeOf(shape))
}

/** y, buffer, start, rows, errors: the buffer with rows in it. */
export function writeRowsKernel(stored: DType, whole: Shape, rows: Shape, axis: number, check: number): KernelUse {
  const params = sized(stored, sizeOf(whole))
  writeParams(params, whole, rows, axis, check)
  const bytes = byteSize(stored)
  const written = `fn written(i: u32) -> u32 {
  let start = checked(start_[0], param(4u), 5u);
  let outer = i / (param(2u) * param(1u));
  let own = i / param(1u) % param(2u) - start;
  if (own < param(3u)) { return rows_((outer * param(3u) + own) * param(1u) + i % param(1u)); }
  return x_(i);
}`
  const source = shader({
    buffers: ['y', 'x', 'start_', 'rows', 'errors'],
    params,
    functions: [bitsReader('x_', 'x', bytes), bitsReader('rows_', 'rows', bytes), CHECKED, written],
    body: wordBody(lanesOf(stored), '', 'written(i)'),
  })
  return perThread('writeRows', source, params.done(), wordsFor(stored, sizeOf(whole)))
}

/** start, errors: notes a start outside, before anything is written in place. */
export function checkStartKernel(whole: Shape, rows: Shape, axis: number, check: number): KernelUse {
  const params = sized('u32', 1)
  writeParams(params, whole, rows, axis, check)
  const source = shader({
    buffers: ['start_', 'errors'],
    params,
    functions: [CHECKED],
    body: '  if (index == 0u) { _ = checked(start_[0], param(4u), 5u); }',
  })
  return perThread('checkStart', source, params.done(), 1)
}

/** y, start, rows, errors: rows of 32-bit elements written in place, unless an index lay outside. */
export function placeRowsKernel(whole: Shape, rows: Shape, axis: number): KernelUse {
  const params = sized('u32', sizeOf(rows))
  writeParams(params, whole, rows, axis, 0)
  const source = shader({
    buffers: ['y', 'start_', 'rows', 'errors'],
    params,
    body: `  if (index >= param(0u) || atomicLoad(&errors[0]) != 0u) { return; }
  let outer = index / (param(3u) * param(1u));
  let own = index / param(1u) % param(3u) + start_[0];
  y[(outer * param(2u) + own) * param(1u) + index % param(1u)] = rows[index];`,
  })
  return perThread('placeRows', source, params.done(), sizeOf(rows))
}

// 1: elements of one entry of the axis, 2: entries of the whole, 3: of the rows, 4: how many starts there are, 5: the check.
function writeParams(params: Params, whole: Shape, rows: Shape, axis: number, check: number): void {
  const [extent, count] = [whole[axis] as number, rows[axis] as number]
  params.add(sizeOf(whole.slice(axis + 1)), extent, count, extent - count + 1, check)
}

/** y, x, errors: words copied, unless an index lay outside. How state gets its new values. */
export function commitKernel(words: number): KernelUse {
  const params = sized('u32', words)
  const source = shader({
    buffers: ['y', 'x', 'errors'],
    params,
    body: '  if (index >= param(0u) || atomicLoad(&errors[0]) != 0u) { return; }\n  y[index] = x[index];',
  })
  return perThread('commit', source, params.done(), words)
}

/** values, indices, x: the k largest of each row, found one after another; values are 32 bits wide. A workgroup for each row. */
export function topKKernel(stored: DType, rows: number, extent: number, k: number): KernelUse {
  const params = new Params()
  params.add(rows, extent, k)
  const source = shader({
    buffers: ['values', 'places', 'x'],
    results: ['values', 'places'],
    params,
    functions: [
      reader('element', 'x', stored),
      `var<workgroup> best: array<f32, ${THREADS}>;`,
      `var<workgroup> bestAt: array<u32, ${THREADS}>;`,
      // NONE stands behind every entry.
      'const NONE = 0xffffffffu;',
      'fn precedes(a: f32, i: u32, b: f32, j: u32) -> bool { return j == NONE || (i != NONE && (a > b || (a == b && i < j))); }',
    ],
    perGroup: true,
    body: `  if (index >= param(0u)) { return; }
  let extent = param(1u);
  let row = index * extent;
  var last = 0.0;
  var lastAt = NONE;
  for (var found = 0u; found < param(2u); found++) {
    var own = 0.0;
    var ownAt = NONE;
    for (var i = local; i < extent; i += ${THREADS}u) {
      let value = element(row + i);
      let isLeft = lastAt == NONE || value < last || (value == last && i > lastAt);
      if (isLeft && precedes(value, i, own, ownAt)) { own = value; ownAt = i; }
    }
    best[local] = own;
    bestAt[local] = ownAt;
    workgroupBarrier();
    for (var half = ${THREADS / 2}u; half > 0u; half /= 2u) {
      if (local < half && precedes(best[local + half], bestAt[local + half], best[local], bestAt[local])) {
        best[local] = best[local + half];
        bestAt[local] = bestAt[local + half];
      }
      workgroupBarrier();
    }
    last = best[0];
    lastAt = bestAt[0];
    workgroupBarrier();
    if (local == 0u) {
      values[index * param(2u) + found] = bitcast<u32>(last);
      places[index * param(2u) + found] = lastAt;
    }
  }`,
  })
  return { kernel: { name: 'topK', source }, params: params.done(), groups: rows }
}
