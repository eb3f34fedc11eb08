/** What the header of a GGUF file says: its metadata, and where its tensors lie. */
import type { BlockType } from '../blocks/block-type.js'

/** A value of the metadata. Whole numbers beyond 2^53 are bigints. */
export type MetadataValue = number | bigint | boolean | string | readonly MetadataValue[]

/** A tensor of the file. */
export interface GgufTensor {
  readonly name: string
  /** Slowest axis first, as elsewhere; the file has them the other way round. */
  readonly shape: readonly number[]
  readonly type: BlockType
  /** Of its bytes, from the start of the file. */
  readonly offset: number
  readonly byteLength: number
}

/** A header whose tensors lie inside the file, apart from each other. */
export interface GgufHeader {
  readonly metadata: ReadonlyMap<string, MetadataValue>
  readonly tensors: ReadonlyMap<string, GgufTensor>
}
