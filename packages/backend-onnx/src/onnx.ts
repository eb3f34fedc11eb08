/** The CPU backend over onnxruntime-node: settings, the worker thread and the weight cache put together. */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { type Backend, EspalierError } from '@espalier/core'
import { fileWeights } from './node/file-weights.js'
import { type CacheSettings, defaultCacheFolder } from './node/widened-cache.js'
import { workerTransport } from './node/worker-transport.js'
import { onnxBackend } from './onnx-backend.js'
import { checkThreads } from './threads.js'
import { workerFile } from './worker-file.js'

/** Settings of the CPU backend. */
export interface OnnxOptions {
  /** Threads that compute. Default: as many as the process may use at once. */
  readonly threads?: number
  /**
   * Where 16-bit weights are kept widened to f32, and how many bytes of them; false: they are widened inside the graph, which needs no
   * disk and less memory but about 9 % more time to train and twice as much to generate. Default: the folder named by ESPALIER_CACHE, or
   * espalier/weights in the user's cache folder, up to 20 GB.
   */
  readonly weightCache?: false | { readonly folder?: string; readonly maxBytes?: number }
  /**
   * Weights of up to this many bytes are read into memory, once for all programs; larger ones are mapped by each program, which costs no
   * memory of its own but is counted again for each. Default 1 GB; 0: always map.
   */
  readonly residentBytes?: number
  /**
   * Whether text is generated from a copy of the weights in 16 bits, where they are exact in 16 bits and lie in memory: about twice as fast
   * as from f32, for half as much memory again. Default true.
   */
  readonly packedWeights?: boolean
  /** A folder to which ONNX Runtime writes a profile of each program when it is released. */
  readonly profileFolder?: string
}

const CACHE_BYTES = 20e9
const RESIDENT_BYTES = 1e9
const ARENA_BYTES = 0.7e9 // enough for training a 135 M model at one shape; more only adds memory
// Measured as the peak of training runs at one shape to six, 16 to 660 MB of values each, on 1 and 2 threads. A graph of thousands of
// nodes takes more than a session's 3 MB, where they are a hundredth of the whole.
const SESSION_COST = { arena: 1.25, heap: 1.18, session: 3e6 }
const MOST_SESSIONS = 64 // each keeps its graph, some megabytes
// How long an idle thread polls for work before it sleeps. Long enough for the small kernels between two products; the runtime's own
// setting, about a millisecond, makes generation three times slower as soon as other processes want the same cores.
const SPIN_US = '50'

/** A backend on the CPU through ONNX Runtime. One worker thread; nothing of it keeps a finished process alive. */
export function onnx(options: OnnxOptions = {}): Backend {
  const {
    threads = availableParallelism(),
    weightCache = {},
    residentBytes = RESIDENT_BYTES,
    packedWeights = true,
    profileFolder,
  } = options
  checkThreads(threads)
  requireName('profileFolder', profileFolder)
  turnTelemetryOff()
  const store = fileWeights(cacheSettings(weightCache), residentBytes)
  return onnxBackend({
    name: 'onnx',
    transport: workerTransport(workerFile()),
    store,
    ...(packedWeights ? { packedThreads: threads } : {}),
    sessions: {
      most: MOST_SESSIONS,
      arenaBytes: ARENA_BYTES,
      profiled: profileFolder !== undefined,
      cost: SESSION_COST,
      options: (program, arena) => ({
        graphOptimizationLevel: 'disabled', // the graph is optimised already, and reordering costs memory
        executionMode: 'sequential',
        enableCpuMemArena: arena,
        enableMemPattern: false, // one planned block reuses less than an allocator does
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        logSeverityLevel: 4,
        extra: {
          session: {
            'intra_op.spin_duration_us': SPIN_US,
            disable_prepacking: '1',
            model_external_initializers_file_folder_path: store.folder,
          },
        },
        ...(profileFolder === undefined
          ? {}
          : { enableProfiling: true, profileFilePrefix: join(profileFolder, program) }),
      }),
    },
  })
}

// The runtime would write an identity below the home folder and look up a host, unless the environment forbids it when its library is
// loaded. The library reads the environment of the process, of which a worker thread has only a copy.
function turnTelemetryOff(): void {
  if (isMainThread) process.env.ORT_DISABLE_TELEMETRY = '1'
  else if (process.env.ORT_DISABLE_TELEMETRY !== '1') {
    throw new EspalierError('backend.unsupported', {
      what: 'a worker thread cannot turn off the telemetry of ONNX Runtime',
      got: { ORT_DISABLE_TELEMETRY: process.env.ORT_DISABLE_TELEMETRY ?? null },
      fix: 'Start the process with ORT_DISABLE_TELEMETRY=1, or set it in process.env of the main thread before starting the worker.',
    })
  }
}

function cacheSettings(setting: NonNullable<OnnxOptions['weightCache']>): CacheSettings | undefined {
  if (setting === false) return undefined
  requireName('weightCache.folder', setting.folder)
  return { folder: setting.folder ?? defaultCacheFolder(), maxBytes: setting.maxBytes ?? CACHE_BYTES }
}

// An empty path would be the working folder.
function requireName(name: string, folder: string | undefined): void {
  if (folder !== '') return
  throw new EspalierError('config.value', {
    what: `${name} is empty`,
    got: { [name]: folder },
    fix: 'Name a folder, or leave it out',
  })
}
