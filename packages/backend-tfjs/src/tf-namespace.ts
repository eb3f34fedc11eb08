/**
 * The part of a tfjs namespace that this backend calls. Any tfjs fits: the union package, tfjs-node, tfjs-node-gpu, or tfjs-core with
 * a backend. Functional calls only: tfjs-core alone has no chained methods and no gradients, and neither is needed.
 */

/** A tensor of tfjs. */
export interface TfTensor {
  readonly shape: number[]
  readonly dtype: string
  data(): Promise<ArrayLike<number> | string[]>
  dispose(): void
}

/** Dtypes of tfjs that this backend uses. */
export type TfDType = 'float32' | 'int32' | 'bool'

/** Values that a tensor is made from. */
export type TfValues = Float32Array | Int32Array | Uint8Array

/** What this backend uses of tfjs' engine. */
export interface TfEngine {
  /** Says whether TensorFlow computes on a GPU. */
  readonly backend?: { readonly isUsingGpuDevice?: boolean }
  /** Runs a kernel without what the function of its name does to the inputs first. */
  runKernel(name: string, inputs: Readonly<Record<string, TfTensor>>): TfTensor
}

/** A tfjs namespace: what `import * as tf from '@tensorflow/tfjs-node'` gives. */
export interface TfNamespace {
  ready(): Promise<void>
  getBackend(): string
  engine(): TfEngine
  tensor(values: TfValues, shape: number[], dtype: TfDType): TfTensor
  fill(shape: number[], value: number, dtype: TfDType): TfTensor
  clone(x: TfTensor): TfTensor
  keep(x: TfTensor): TfTensor
  tidy(compute: () => TfTensor): TfTensor

  neg(x: TfTensor): TfTensor
  abs(x: TfTensor): TfTensor
  exp(x: TfTensor): TfTensor
  log(x: TfTensor): TfTensor
  sqrt(x: TfTensor): TfTensor
  rsqrt(x: TfTensor): TfTensor
  reciprocal(x: TfTensor): TfTensor
  sin(x: TfTensor): TfTensor
  cos(x: TfTensor): TfTensor
  tanh(x: TfTensor): TfTensor
  sigmoid(x: TfTensor): TfTensor
  erf(x: TfTensor): TfTensor
  floor(x: TfTensor): TfTensor
  round(x: TfTensor): TfTensor
  sign(x: TfTensor): TfTensor
  logicalNot(x: TfTensor): TfTensor

  add(a: TfTensor, b: TfTensor): TfTensor
  sub(a: TfTensor, b: TfTensor): TfTensor
  mul(a: TfTensor, b: TfTensor): TfTensor
  div(a: TfTensor, b: TfTensor): TfTensor
  pow(a: TfTensor, b: TfTensor): TfTensor
  mod(a: TfTensor, b: TfTensor): TfTensor
  maximum(a: TfTensor, b: TfTensor): TfTensor
  minimum(a: TfTensor, b: TfTensor): TfTensor
  logicalAnd(a: TfTensor, b: TfTensor): TfTensor
  logicalOr(a: TfTensor, b: TfTensor): TfTensor
  notEqual(a: TfTensor, b: TfTensor): TfTensor
  equal(a: TfTensor, b: TfTensor): TfTensor
  less(a: TfTensor, b: TfTensor): TfTensor
  lessEqual(a: TfTensor, b: TfTensor): TfTensor
  where(condition: TfTensor, a: TfTensor, b: TfTensor): TfTensor
  cast(x: TfTensor, dtype: TfDType): TfTensor

  matMul(a: TfTensor, b: TfTensor, transposeA?: boolean, transposeB?: boolean): TfTensor
  sum(x: TfTensor, axes: number[], keepDims?: boolean): TfTensor
  max(x: TfTensor, axes: number[], keepDims?: boolean): TfTensor
  min(x: TfTensor, axes: number[], keepDims?: boolean): TfTensor
  softmax(x: TfTensor): TfTensor

  reshape(x: TfTensor, shape: number[]): TfTensor
  transpose(x: TfTensor, order: number[]): TfTensor
  broadcastTo(x: TfTensor, shape: number[]): TfTensor
  slice(x: TfTensor, begin: number[], size: number[]): TfTensor
  pad(x: TfTensor, paddings: [number, number][], value?: number): TfTensor
  concat(tensors: TfTensor[], axis: number): TfTensor
  gather(x: TfTensor, indices: TfTensor, axis: number): TfTensor
  scatterND(indices: TfTensor, updates: TfTensor, shape: number[]): TfTensor
  topk(x: TfTensor, k: number, sorted: boolean): { values: TfTensor; indices: TfTensor }
}

/**
 * What users pass: a namespace with these functions, whatever their declared parameters. tfjs declares its own tensor class everywhere,
 * and two installed versions declare two of them.
 */
export type TfModule = { readonly [K in keyof TfNamespace]: (...given: never[]) => unknown }
