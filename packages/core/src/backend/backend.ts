/**
 * What a backend is: it compiles whole programs and holds weights and state. It does not know models, tuners or training; graph
 * transforms have done their work before a program reaches it.
 */
import type { DType, HostTensor, Spec } from '../dtype.js'
import type { ParameterSource } from '../parameter-source.js'
import type { Program } from './program.js'

/** Options of long operations: a signal that stops them, and progress in bytes. */
export interface ProgressOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (done: number, total: number, what: string) => void
}

/** Frozen weights on a device, shared by all executables that were compiled with them. */
export interface WeightSet {
  readonly names: ReadonlySet<string>
  /** Bytes held on the device or mapped. */
  readonly byteLength: number
  release(): void
}

/** Mutable tensors on a device: adapters, optimizer states, caches. */
export interface StateSet {
  readonly specs: ReadonlyMap<string, Spec>
  readonly byteLength: number
  /** Copies to the host; all when no names are given. Throws graph.slot for an unknown name. */
  read(names?: readonly string[]): Promise<Map<string, HostTensor>>
  /** Copies from the host into existing tensors of the same specs. */
  write(tensors: ReadonlyMap<string, HostTensor>): Promise<void>
  release(): void
}

/** Options of `createState`. */
export interface StateOptions {
  /** The tensors are the backend's from now on: it may take their memory, and the caller no longer reads them. Default false: they are copied. */
  readonly handsOver?: boolean
}

/** State slots of a program bound to a set: slot `prefix + name` is the set's tensor `name`. */
export interface StateBinding {
  readonly set: StateSet
  readonly prefix?: string
}

/** What one run is given: every feed of the program, and sets that hold its state slots. */
export interface RunArguments {
  readonly feeds?: Readonly<Record<string, HostTensor>>
  readonly state?: readonly StateBinding[]
}

/** A compiled program. Runs do not overlap: a second call waits. A run commits all updates or none. */
export interface Executable {
  readonly program: Program
  /** Bytes of device memory that it holds between runs, as far as known. */
  readonly byteLength: number
  /**
   * Throws graph.slot for a missing, unknown or ill-shaped feed or state, shape.mismatch (core's `indexError`, which names the op) for an
   * index outside its tensor, backend.failed for errors of the runtime. A run that throws has changed nothing.
   */
  run(runArguments: RunArguments): Promise<Record<string, HostTensor>>
  release(): void
}

/** Options of `compile`. */
export interface CompileOptions {
  readonly weights?: WeightSet
  readonly signal?: AbortSignal
}

/** What programs will take on a backend, in bytes: estimates, for which nothing is compiled. */
export interface MemoryEstimates {
  /** A weight or state as it is held. */
  bytesOf(spec: Spec): number
  /** Intermediate values alive at once while a program runs. */
  peakOf(program: Program): number
  /** What is taken at most by programs with such peaks that run in turns, first in this order. */
  keptFor(peaks: readonly number[]): number
}

/** A device and its compiler. */
export interface Backend {
  readonly apiVersion: 1
  readonly name: string
  /** Dtypes that every op computes in. */
  readonly dtypes: ReadonlySet<DType>
  /** Present where 16-bit weights take the memory of 32-bit ones: why. Whoever tells users of memory tells them this. */
  readonly widening?: string
  /** What programs take beside weights and state. Absent where it is not known. */
  readonly memory?: MemoryEstimates
  /**
   * Makes weights available under their slot names, converted to the given dtypes. Sources that were loaded before (the same
   * objects) are shared, not loaded again.
   */
  loadWeights(sources: ReadonlyMap<string, WeightRequest>, options?: ProgressOptions): Promise<WeightSet>
  createState(tensors: ReadonlyMap<string, HostTensor>, options?: StateOptions): Promise<StateSet>
  /**
   * Compiles a program, or returns what the same program compiled to before; whoever was given it releases it once. Releasing the
   * weights that it was compiled with releases it too.
   */
  compile(program: Program, options?: CompileOptions): Promise<Executable>
  /** Ends it once what was asked of it is done; whatever is asked later is refused with backend.closed. */
  close(): Promise<void>
}

/** A weight's source and the dtype that programs read it in. */
export interface WeightRequest {
  readonly source: ParameterSource
  readonly dtype: DType
}
