/**
 * Kernels of packed programs, compiled from AssemblyScript to WebAssembly (`npm run kernels`). A job is cut into chunks, which the
 * threads that share the memory claim one by one; a thread that the system holds up costs the others nothing but its chunk.
 *
 * Packed weights: 16 bits each, the upper half of an f32. Rows come in blocks of 4, columns in groups of 8; a group of a block is 64
 * bytes, 16 of each row, in the order 0 4 1 5 2 6 3 7: a shift gives columns 0 to 3 as f32, a mask columns 4 to 7. One block is one
 * stream of memory, which reads about twice as fast as four rows side by side.
 */

// The first bytes of memory: the job.
const TICKET: usize = 0 // i64: number of the job << 32 | its chunks << 16 | the next chunk
const DONE: usize = 8 // chunks finished
const WAKE: usize = 12
const SLEEPERS: usize = 16
const QUIT: usize = 20
const KIND: usize = 24
const ARGUMENTS: usize = 32

const PRODUCT: i32 = 1
const LOWEST: f32 = -1e30

function argument(i: usize): i32 {
  return load<i32>(ARGUMENTS + (i << 2))
}

/** Runs the job whose kind and arguments lie in memory, with every thread that is awake, until it is finished. */
export function dispatch(chunks: i32): void {
  const job = (atomic.load<i64>(TICKET) >> 32) + 1
  atomic.store<i32>(DONE, 0)
  atomic.store<i64>(TICKET, (job << 32) | ((<i64>chunks) << 16))
  if (atomic.load<i32>(SLEEPERS) > 0) {
    atomic.add<i32>(WAKE, 1)
    atomic.notify(WAKE, -1)
  }
  work()
  while (atomic.load<i32>(DONE) < chunks) {}
}

/** What a helping thread does: works, looks out for more work `looks` times, then sleeps; returns when it is told to quit. */
export function serve(looks: i32): void {
  while (atomic.load<i32>(QUIT) === 0) {
    work()
    let left = looks
    while (left > 0 && !isOpen()) left--
    if (left > 0) continue
    const wake = atomic.load<i32>(WAKE)
    atomic.add<i32>(SLEEPERS, 1)
    if (!isOpen() && atomic.load<i32>(QUIT) === 0) atomic.wait<i32>(WAKE, wake, -1)
    atomic.sub<i32>(SLEEPERS, 1)
  }
}

/** Ends `serve` in every thread. */
export function quit(): void {
  atomic.store<i32>(QUIT, 1)
  atomic.add<i32>(WAKE, 1)
  atomic.notify(WAKE, -1)
}

function isOpen(): bool {
  const ticket = atomic.load<i64>(TICKET)
  return (ticket & 0xffff) < ((ticket >> 16) & 0xffff)
}

// A chunk is claimed by the whole ticket, so a claim made for an older job fails; the arguments stand still while a chunk is unfinished.
function work(): void {
  while (true) {
    const ticket = atomic.load<i64>(TICKET)
    const chunk = <i32>(ticket & 0xffff)
    if (chunk >= <i32>((ticket >> 16) & 0xffff)) return
    if (atomic.cmpxchg<i64>(TICKET, ticket, ticket + 1) !== ticket) continue
    if (load<i32>(KIND) === PRODUCT) productChunk(chunk)
    else attentionChunk(chunk)
    atomic.add<i32>(DONE, 1)
  }
}

// y (vectors, rows) = x (vectors, columns) W'; W packed. Arguments: W, x, y, rows, columns, vectors, rows of a chunk (a multiple of 4).
function productChunk(chunk: i32): void {
  const weights: usize = argument(0)
  const x: usize = argument(1)
  const y: usize = argument(2)
  const rows = argument(3)
  const columns = argument(4)
  const vectors = argument(5)
  const size = argument(6)
  const end = min(rows, (chunk + 1) * size)
  for (let row = chunk * size; row < end; row += 4) {
    const block = weights + ((<usize>row * columns) << 1)
    for (let v = 0; v < vectors; v++) {
      const sums = blockProduct(block, x + ((<usize>v * columns) << 2), columns)
      const to = y + ((<usize>v * rows + row) << 2)
      if (row + 4 <= end) v128.store(to, sums)
      else {
        f32.store(to, f32x4.extract_lane(sums, 0))
        if (row + 1 < end) f32.store(to, f32x4.extract_lane(sums, 1), 4)
        if (row + 2 < end) f32.store(to, f32x4.extract_lane(sums, 2), 8)
      }
    }
  }
}

// Four rows of packed weights times a vector.
function blockProduct(block: usize, x: usize, columns: i32): v128 {
  const upper = i32x4.splat(<i32>0xffff0000)
  let a0 = f32x4.splat(0)
  let a1 = f32x4.splat(0)
  let a2 = f32x4.splat(0)
  let a3 = f32x4.splat(0)
  let b0 = f32x4.splat(0)
  let b1 = f32x4.splat(0)
  let b2 = f32x4.splat(0)
  let b3 = f32x4.splat(0)
  const end = block + ((<usize>columns) << 3)
  let p = block
  while (p < end) {
    const first = v128.load(x)
    const second = v128.load(x, 16)
    const w0 = v128.load(p)
    const w1 = v128.load(p, 16)
    const w2 = v128.load(p, 32)
    const w3 = v128.load(p, 48)
    a0 = f32x4.add(a0, f32x4.mul(i32x4.shl(w0, 16), first))
    b0 = f32x4.add(b0, f32x4.mul(v128.and(w0, upper), second))
    a1 = f32x4.add(a1, f32x4.mul(i32x4.shl(w1, 16), first))
    b1 = f32x4.add(b1, f32x4.mul(v128.and(w1, upper), second))
    a2 = f32x4.add(a2, f32x4.mul(i32x4.shl(w2, 16), first))
    b2 = f32x4.add(b2, f32x4.mul(v128.and(w2, upper), second))
    a3 = f32x4.add(a3, f32x4.mul(i32x4.shl(w3, 16), first))
    b3 = f32x4.add(b3, f32x4.mul(v128.and(w3, upper), second))
    x += 32
    p += 64
  }
  return sumsOf(f32x4.add(a0, b0), f32x4.add(a1, b1), f32x4.add(a2, b2), f32x4.add(a3, b3))
}

// The sums of four vectors as one.
function sumsOf(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7))
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7))
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7))
}

/** y (vectors, rows) = x (vectors, columns) w' in f32, by the calling thread: for what is too small to share. */
export function plainProduct(w: usize, x: usize, y: usize, rows: i32, columns: i32, vectors: i32): void {
  for (let v = 0; v < vectors; v++) {
    const from = x + ((<usize>v * columns) << 2)
    for (let row = 0; row < rows; row++) {
      f32.store(y + ((<usize>v * rows + row) << 2), dot(w + ((<usize>row * columns) << 2), from, columns))
    }
  }
}

function dot(a: usize, b: usize, count: i32): f32 {
  let first = f32x4.splat(0)
  let second = f32x4.splat(0)
  let i = 0
  for (; i + 8 <= count; i += 8) {
    const at = (<usize>i) << 2
    first = f32x4.add(first, f32x4.mul(v128.load(a + at), v128.load(b + at)))
    second = f32x4.add(second, f32x4.mul(v128.load(a + at, 16), v128.load(b + at, 16)))
  }
  const sums = f32x4.add(first, second)
  let sum =
    f32x4.extract_lane(sums, 0) +
    f32x4.extract_lane(sums, 1) +
    (f32x4.extract_lane(sums, 2) + f32x4.extract_lane(sums, 3))
  for (; i < count; i++) sum += f32.load(a + ((<usize>i) << 2)) * f32.load(b + ((<usize>i) << 2))
  return sum
}

/** x sigmoid(x) of `count` numbers. What lies behind x and y up to a multiple of 4 is read and overwritten. */
export function silu(x: usize, y: usize, count: i32): void {
  const one = f32x4.splat(1)
  for (let at: usize = 0; at < (<usize>count) << 2; at += 16) {
    const value = v128.load(x + at)
    v128.store(y + at, f32x4.div(value, f32x4.add(one, exponential(f32x4.neg(value)))))
  }
}

/** x / rms(x) * weight of rows of `size` numbers. */
export function rmsNorm(x: usize, weight: usize, y: usize, rows: i32, size: i32, epsilon: f32): void {
  for (let row = 0; row < rows; row++) {
    const shift = (<usize>row * size) << 2
    const inverse: f32 = 1 / sqrt<f32>(dot(x + shift, x + shift, size) / <f32>size + epsilon)
    for (let i: usize = 0; i < (<usize>size) << 2; i += 4) {
      f32.store(y + shift + i, f32.load(x + shift + i) * inverse * f32.load(weight + i))
    }
  }
}

// e to the x, to about 1 unit in the last place: 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2] (Taylor's, whose next term is 1e-8).
function exponential(x: v128): v128 {
  const bounded = f32x4.max(f32x4.min(x, f32x4.splat(88.3)), f32x4.splat(-87.3))
  const n = f32x4.nearest(f32x4.mul(bounded, f32x4.splat(Mathf.LOG2E)))
  // ln 2 in two parts, the first exact in few bits
  const rest = f32x4.sub(
    f32x4.sub(bounded, f32x4.mul(n, f32x4.splat(0.693359375))),
    f32x4.mul(n, f32x4.splat(-2.1219444e-4)),
  )
  let p = f32x4.splat(1.0 / 5040)
  p = f32x4.add(f32x4.mul(p, rest), f32x4.splat(1.0 / 720))
  p = f32x4.add(f32x4.mul(p, rest), f32x4.splat(1.0 / 120))
  p = f32x4.add(f32x4.mul(p, rest), f32x4.splat(1.0 / 24))
  p = f32x4.add(f32x4.mul(p, rest), f32x4.splat(1.0 / 6))
  p = f32x4.add(f32x4.mul(p, rest), f32x4.splat(0.5))
  p = f32x4.add(f32x4.mul(p, rest), f32x4.splat(1))
  p = f32x4.add(f32x4.mul(p, rest), f32x4.splat(1))
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23)
  const y = f32x4.mul(p, power)
  // Where x is NaN, so is the result.
  return v128.bitselect(y, x, f32x4.eq(x, x))
}

/** All chunks of the attention whose arguments lie in memory, by the calling thread: for short caches, which are not worth sharing. */
export function attendAlone(chunks: i32): void {
  for (let chunk = 0; chunk < chunks; chunk++) attentionChunk(chunk)
}

// One head of one row of the batch: a query to the cached keys and to its own. Arguments: q, cached k, cached v, new k, new v, y, room for
// the scores of each chunk, keep, heads, groups, slots, size, slots in use, first slot in sight, scale (f32).
function attentionChunk(chunk: i32): void {
  const heads = argument(8)
  const groups = argument(9)
  const slots = argument(10)
  const size = argument(11)
  const used = argument(12)
  const start = argument(13)
  const scale = reinterpret<f32>(argument(14))
  const row = chunk / heads
  const group = row * groups + (chunk % heads) / (heads / groups)
  const bytes = (<usize>size) << 2
  const q = <usize>argument(0) + <usize>chunk * bytes
  const keys = <usize>argument(1) + <usize>group * slots * bytes
  const values = <usize>argument(2) + <usize>group * slots * bytes
  const y = <usize>argument(5) + <usize>chunk * bytes
  const scores = <usize>argument(6) + ((<usize>chunk * (slots + 4)) << 2)
  const keep = <usize>argument(7) + ((<usize>row * slots) << 2)

  let top: f32 = dot(q, <usize>argument(3) + <usize>group * bytes, size) * scale
  f32.store(scores + ((<usize>used) << 2), top)
  for (let slot = start; slot < used; slot++) {
    const seen = load<i32>(keep + ((<usize>slot) << 2)) !== 0
    const score = seen ? dot(q, keys + <usize>slot * bytes, size) * scale : LOWEST
    f32.store(scores + ((<usize>slot) << 2), score)
    top = max(top, score)
  }
  const tops = f32x4.splat(top)
  let sum: f32 = 0
  for (let slot = start; slot <= used; slot += 4) {
    const at = scores + ((<usize>slot) << 2)
    const weights = exponential(f32x4.sub(v128.load(at), tops))
    v128.store(at, weights) // what lies behind the last is nobody's
    sum += f32x4.extract_lane(weights, 0)
    if (slot < used) sum += f32x4.extract_lane(weights, 1)
    if (slot + 1 < used) sum += f32x4.extract_lane(weights, 2)
    if (slot + 2 < used) sum += f32x4.extract_lane(weights, 3)
  }
  memory.fill(y, 0, bytes)
  for (let slot = start; slot < used; slot++) {
    addScaled(y, values + <usize>slot * bytes, f32.load(scores + ((<usize>slot) << 2)) / sum, size)
  }
  addScaled(y, <usize>argument(4) + <usize>group * bytes, f32.load(scores + ((<usize>used) << 2)) / sum, size)
}

// y += x * factor
function addScaled(y: usize, x: usize, factor: f32, count: i32): void {
  const factors = f32x4.splat(factor)
  let i = 0
  for (; i + 4 <= count; i += 4) {
    const at = (<usize>i) << 2
    v128.store(y + at, f32x4.add(v128.load(y + at), f32x4.mul(v128.load(x + at), factors)))
  }
  for (; i < count; i++) {
    const at = (<usize>i) << 2
    f32.store(y + at, f32.load(y + at) + f32.load(x + at) * factor)
  }
}
