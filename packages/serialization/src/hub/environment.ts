/** What the hub's client needs to know of its surroundings. Reading it from environment variables is platform/node.ts's. */

/** Address, token, cache and network of the hub. */
export interface HubEnvironment {
  /** Address of the hub without a trailing slash. */
  readonly endpoint: string
  readonly token?: string
  /** No request may be made. */
  readonly offline: boolean
  /** Folder of the cache, in Python's layout; absent where there is no disk. */
  readonly cacheFolder?: string
  readonly fetch: typeof fetch
  /** Wait before the first retry in milliseconds; doubles with each. */
  readonly retryDelayMs: number
  /** A request without an answer, or a download without a byte, for so long counts as cut. */
  readonly timeoutMs: number
}

/** Address of the public hub. */
export const PUBLIC_HUB = 'https://huggingface.co'

/** The surroundings in a browser: the public hub without a token. */
export const browserEnvironment: HubEnvironment = {
  endpoint: PUBLIC_HUB,
  offline: false,
  fetch: (input, init) => globalThis.fetch(input, init),
  retryDelayMs: 500,
  timeoutMs: 30_000,
}

/** Bytes of one file that have arrived. */
export interface DownloadProgress {
  readonly phase: 'download'
  readonly file: string
  readonly loadedBytes: number
  readonly totalBytes: number
}

/** Options of everything that goes to the hub. `environment` overrides single values of what the platform found. */
export interface HubOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: DownloadProgress) => void
  readonly environment?: Partial<HubEnvironment>
}
