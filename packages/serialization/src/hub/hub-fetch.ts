/**
 * The fetch that the hub's client runs on: it adds the token for the hub itself and nobody else, retries what is worth it, and turns
 * every failure into a typed error that says what to do. The client's own errors lose the hub's error code, so they are made here.
 */
import { EspalierError } from '@espalier/core'
import type { HubEnvironment } from './environment.js'
import type { HubReference } from './repository.js'

/** A fetch for one repository. */
export interface HubFetch {
  readonly fetch: typeof fetch
  /** What went wrong last; the client's streams pass on only its text. */
  failure(): unknown
}

const RETRIES = 5 // of requests the hub answers with "later", as Python's client
const CONNECTION_RETRIES = 2 // of requests without an answer: a network that is down should be said soon
const LONGEST_WAIT = 60_000 // milliseconds, for a server that asks to come back later

/** Makes the fetch for a repository. Every error it throws is an EspalierError, or the signal's reason. */
export function hubFetch(
  environment: HubEnvironment,
  reference: HubReference,
  signal?: AbortSignal,
  connectionRetries = CONNECTION_RETRIES,
): HubFetch {
  let failure: unknown
  const once = async (input: string | URL, init: RequestInit) => {
    const timer = new AbortController()
    // An upload is answered when it is over, however long it takes.
    const timeout = isRepeatable(init)
      ? setTimeout(() => timer.abort(new Error('no answer in time')), environment.timeoutMs)
      : undefined
    const signals = [timer.signal, signal, init.signal].filter((each) => each !== undefined && each !== null)
    try {
      return await environment.fetch(input, { ...init, signal: AbortSignal.any(signals) })
    } catch (cause) {
      signal?.throwIfAborted()
      init.signal?.throwIfAborted()
      throw connectionLost(environment, reference, cause)
    } finally {
      clearTimeout(timeout)
    }
  }
  const attempt = async (input: string | URL, init: RequestInit): Promise<Response> => {
    if (environment.offline) throw offline(reference)
    const repeatable = isRepeatable(init)
    for (let count = 0; ; count++) {
      let wait = environment.retryDelayMs * 2 ** count
      try {
        const response = await once(input, init)
        if (response.ok) return checkRange(response, init, reference)
        const passing = response.status === 429 || response.status >= 500
        if (!passing || !repeatable || count >= RETRIES) {
          throw await statusError(response, environment, reference)
        }
        wait = retryAfter(response) ?? wait
        await response.body?.cancel()
      } catch (error) {
        const lost = EspalierError.isInstance(error) && error.code === 'hub.connection'
        if (!lost || !repeatable || count >= connectionRetries) throw error
      }
      await pause(wait, signal)
    }
  }
  const run = async (input: string | URL | Request, init: RequestInit = {}) => {
    const address = input instanceof Request ? input.url : input
    try {
      return await attempt(address, withToken(address, init, environment))
    } catch (error) {
      failure = error
      throw error
    }
  }
  return { fetch: run as typeof fetch, failure: () => failure }
}

/** The error of a repository that is not in the cache while the network may not be used. */
export function offline({ repository, revision }: HubReference, cause?: unknown): EspalierError {
  // Most of the hub's names have an owner; a bare one is more often a mistyped path.
  const name = repository.includes('/') ? '' : `There is no folder ${repository}, and on the hub names are owner/name. `
  return new EspalierError('hub.offline', {
    what:
      cause === undefined
        ? 'the network may not be used and a repository is not in the cache'
        : 'the hub cannot be reached and a repository is not in the cache',
    got: { repository, revision },
    fix:
      cause === undefined
        ? `${name}Unset HF_HUB_OFFLINE, or give the path of a local folder.`
        : `${name}Check the connection, or give the path of a local folder.`,
    cause,
  })
}

/** Waits, unless the signal is aborted first. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted()
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(done, ms)
    function stop() {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    function done() {
      signal?.removeEventListener('abort', stop)
      resolve()
    }
    signal?.addEventListener('abort', stop, { once: true })
  })
}

// A commit that got no answer may have happened; only what changes nothing is asked again.
function isRepeatable({ method }: RequestInit): boolean {
  return method === undefined || method === 'GET' || method === 'HEAD'
}

function withToken(address: string | URL, init: RequestInit, { endpoint, token }: HubEnvironment): RequestInit {
  const headers = new Headers(init.headers)
  if (new URL(address).origin === new URL(endpoint).origin) {
    if (token !== undefined) headers.set('Authorization', `Bearer ${token}`)
    else headers.delete('Authorization') // the client writes "Bearer undefined" when it creates a repository
  }
  return { ...init, headers }
}

// A server that ignores Range answers 200 with the whole file, which would land in the middle of it.
function checkRange(response: Response, init: RequestInit, { repository }: HubReference): Response {
  const range = new Headers(init.headers).get('Range')
  if (range === null || range.startsWith('bytes=0-') || response.status === 206) return response
  void response.body?.cancel()
  throw new EspalierError('hub.response', {
    what: 'the hub ignored a request for a part of a file',
    got: { repository, range },
    fix: 'Delete the unfinished download and try again.',
  })
}

async function statusError(
  response: Response,
  environment: HubEnvironment,
  reference: HubReference,
): Promise<EspalierError> {
  const { repository, revision } = reference
  const { status } = response
  const code = response.headers.get('X-Error-Code') ?? ''
  const said = (await reason(response)) ?? response.headers.get('X-Error-Message') ?? undefined
  const got = { repository, status, ...(said === undefined ? {} : { answer: said }) }
  const hasToken = environment.token !== undefined
  if (code === 'RevisionNotFound') {
    return new EspalierError('hub.revision', {
      what: 'the repository has no such branch, tag or commit',
      got: { ...got, revision },
      fix: 'Use main, or look at the repository for its branches.',
    })
  }
  if (code === 'EntryNotFound') {
    return new EspalierError('hub.file', {
      what: 'the repository has no such file',
      got: { ...got, revision, address: plainAddress(response.url) },
      fix: 'Look at the repository for its files.',
    })
  }
  if (status === 401 || status === 403 || code === 'GatedRepo') {
    const gated = code === 'GatedRepo' || /gated|restricted|awaiting|authorized list/i.test(said ?? '')
    return new EspalierError('hub.access', {
      what: gated
        ? 'the repository is gated: its owner must grant access'
        : hasToken
          ? 'the token has no access to the repository'
          : 'the repository is private, gated or does not exist',
      got,
      fix: hasToken
        ? `Ask for access at ${environment.endpoint}/${repository}, or set HF_TOKEN to a token that has it.`
        : `Check the name (there is no local folder of it); if it needs access, ask for it at ${environment.endpoint}/${repository} and set HF_TOKEN.`,
    })
  }
  if (status === 404) {
    return new EspalierError('hub.repository', {
      what: 'there is no such repository on the hub',
      got,
      fix: 'Check the name (there is no local folder of it); a private repository needs HF_TOKEN.',
    })
  }
  return new EspalierError('hub.response', {
    what: 'the hub refused a request',
    got: { ...got, address: plainAddress(response.url) },
    fix: status >= 500 || status === 429 ? 'Try again later.' : 'See the answer in the message.',
  })
}

async function reason(response: Response): Promise<string | undefined> {
  const text = await response.text().catch(() => '')
  try {
    const { error, message } = JSON.parse(text) as { error?: unknown; message?: unknown }
    const said = error ?? message
    return typeof said === 'string' ? said : undefined
  } catch {
    return text !== '' && text.length < 300 && !text.includes('<') ? text : undefined
  }
}

// Redirects lead to signed addresses, whose query is a secret.
function plainAddress(address: string): string {
  return address.split('?')[0] ?? address
}

function connectionLost({ endpoint }: HubEnvironment, { repository }: HubReference, cause: unknown): EspalierError {
  const inner = (cause as { cause?: { code?: unknown } } | undefined)?.cause?.code
  return new EspalierError('hub.connection', {
    what: 'the connection to the hub failed',
    got: { repository, endpoint, ...(typeof inner === 'string' ? { reason: inner } : {}) },
    fix: 'Check the network, HTTPS_PROXY and HF_ENDPOINT, and try again; what was downloaded is kept.',
    cause,
  })
}

function retryAfter(response: Response): number | undefined {
  const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1000, LONGEST_WAIT) : undefined
}
