/**
 * A hub for tests: an HTTP server that answers as huggingface.co does to the requests of its official client, with a second server in
 * the part of the content network, to which large files are redirected.
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A repository that the server has. `access`: a token it needs, or `gated` for one that nobody has. */
export interface FakeRepository {
  readonly commit: string
  readonly branches: Readonly<Record<string, string>>
  readonly files: Map<string, Uint8Array>
  readonly access?: { readonly token: string; readonly gated?: boolean }
  readonly isPrivate?: boolean
}

/** The running server and what happened to it. */
export interface FakeHub {
  readonly endpoint: string
  readonly repositories: Map<string, FakeRepository>
  /** Each request as `METHOD path`, those to the content network with `cdn` before the path. */
  readonly requests: string[]
  /** Range headers of downloads, in order. */
  readonly ranges: (string | undefined)[]
  /** Authorization headers that reached the content network: there should be none. */
  readonly leaked: string[]
  /** File -> bytes after which the connection is cut, once for each number. */
  readonly cuts: Map<string, number[]>
  /** Status codes to answer the next requests with. */
  readonly refuse: number[]
  /** Whether Range is ignored. */
  ignoreRange: boolean
  /** Bytes sent instead of a file's own. */
  readonly swapped: Map<string, Uint8Array>
  close(): Promise<void>
}

/** Whether the server would keep a file as a large one. */
const isLarge = (name: string) => /\.(?:safetensors|bin|model)$/.test(name)
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const gitHash = (bytes: Uint8Array) =>
  createHash('sha1').update(`blob ${bytes.byteLength}\0`).update(bytes).digest('hex')

/** Starts a hub without repositories. */
export async function fakeHub(): Promise<FakeHub> {
  const uploads = new Map<string, Uint8Array>()
  const servers: Server[] = []
  const start = async (handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>) => {
    const server = createServer((request, response) => {
      handle(request, response).catch(() => response.destroy())
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const hub = {
    repositories: new Map<string, FakeRepository>(),
    requests: [] as string[],
    ranges: [] as (string | undefined)[],
    leaked: [] as string[],
    cuts: new Map<string, number[]>(),
    refuse: [] as number[],
    ignoreRange: false,
    swapped: new Map<string, Uint8Array>(),
    endpoint: '',
    async close() {
      for (const server of servers) {
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      }
    },
  }
  const cdn = await start(async (request, response) => {
    const address = new URL(request.url ?? '', 'http://cdn')
    hub.requests.push(`${request.method} cdn ${address.pathname}`)
    if (request.headers.authorization !== undefined) hub.leaked.push(request.headers.authorization)
    if (request.method === 'PUT') {
      uploads.set(address.pathname.slice(1), await bodyOf(request))
      response.writeHead(200).end()
      return
    }
    const [repository = '', name = ''] = [
      address.searchParams.get('repository') ?? '',
      address.searchParams.get('name') ?? '',
    ]
    sendBytes(hub, request, response, name, hub.repositories.get(repository)?.files.get(name))
  })
  hub.endpoint = await start(async (request, response) => {
    const address = new URL(request.url ?? '', 'http://hub')
    hub.requests.push(`${request.method} ${address.pathname}`)
    const refused = hub.refuse.shift()
    if (refused !== undefined) return fail(response, refused, '', 'come back later')
    const body = request.method === 'POST' ? await bodyOf(request) : new Uint8Array(0)
    if (request.method === 'POST') answerPost(hub, cdn, uploads, address, body, request, response)
    else answerGet(hub, cdn, address, request, response)
  })
  return hub
}

type Hub = Omit<FakeHub, 'close'> & { endpoint: string }

function answerGet(hub: Hub, cdn: string, address: URL, request: IncomingMessage, response: ServerResponse): unknown {
  const parts = address.pathname.slice(1).split('/').map(decodeURIComponent)
  const isApi = parts[0] === 'api'
  const [owner, name, verb, revision = '', ...path] = isApi ? parts.slice(2) : parts
  const id = `${owner}/${name}`
  const repository = hub.repositories.get(id)
  const allowed =
    repository?.access === undefined || request.headers.authorization === `Bearer ${repository.access.token}`
  if (repository === undefined || !allowed) {
    if (repository?.access?.gated) {
      const status = request.headers.authorization === undefined ? 401 : 403
      return fail(response, status, 'GatedRepo', `Access to model ${id} is restricted`)
    }
    // The hub does not say whether a repository is private or absent.
    return request.headers.authorization === undefined
      ? fail(response, 401, 'RepoNotFound', 'Invalid username or password.')
      : fail(response, 404, 'RepoNotFound', 'Repository not found')
  }
  const commits = [repository.commit, ...Object.values(repository.branches)]
  const commit = commits.includes(revision) ? revision : repository.branches[revision]
  if (commit === undefined) return fail(response, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`)
  if (isApi && verb === 'revision')
    return json(response, { _id: '1', id, sha: commit, private: false, lastModified: '2026-01-01' })
  if (isApi && verb === 'tree') return tree(response, repository, path.join('/'), address)
  if (verb === 'resolve') return resolve(hub, cdn, id, path.join('/'), repository, request, response)
  fail(response, 404, '', 'Not found')
}

// Two entries a page, so that the client has to follow the links.
function tree(response: ServerResponse, { files }: FakeRepository, folder: string, address: URL): void {
  const prefix = folder === '' ? '' : `${folder}/`
  const entries = new Map<string, object>()
  for (const [path, bytes] of files) {
    if (!path.startsWith(prefix)) continue
    const [first = '', ...below] = path.slice(prefix.length).split('/')
    const large = isLarge(path) ? { lfs: { oid: sha256(bytes), size: bytes.byteLength, pointerSize: 130 } } : {}
    const file = { type: 'file', path, size: bytes.byteLength, oid: gitHash(bytes), ...large }
    entries.set(
      first,
      below.length > 0 ? { type: 'directory', path: prefix + first, size: 0, oid: gitHash(new Uint8Array(0)) } : file,
    )
  }
  const start = Number(address.searchParams.get('cursor') ?? 0)
  const next = new URL(address)
  next.searchParams.set('cursor', String(start + 2))
  const host = response.req.headers.host
  if (start + 2 < entries.size) response.setHeader('Link', `<http://${host}${next.pathname}${next.search}>; rel="next"`)
  json(response, [...entries.values()].slice(start, start + 2))
}

function resolve(
  hub: Hub,
  cdn: string,
  id: string,
  name: string,
  repository: FakeRepository,
  request: IncomingMessage,
  response: ServerResponse,
): unknown {
  const bytes = repository.files.get(name)
  response.setHeader('X-Repo-Commit', repository.commit)
  if (bytes === undefined) return fail(response, 404, 'EntryNotFound', 'Entry not found')
  if (!isLarge(name)) {
    response.setHeader('ETag', `"${gitHash(bytes)}"`)
    return sendBytes(hub, request, response, name, bytes)
  }
  const to = `${cdn}/blob?repository=${encodeURIComponent(id)}&name=${encodeURIComponent(name)}&signature=secret`
  response
    .writeHead(302, { Location: to, 'X-Linked-Size': bytes.byteLength, 'X-Linked-ETag': `"${sha256(bytes)}"` })
    .end(`Found. Redirecting to ${to}`)
}

function sendBytes(
  hub: Hub,
  request: IncomingMessage,
  response: ServerResponse,
  name: string,
  own?: Uint8Array,
): unknown {
  const bytes = hub.swapped.get(name) ?? own
  if (bytes === undefined) return fail(response, 404, 'EntryNotFound', 'Entry not found')
  hub.ranges.push(request.headers.range)
  const range = hub.ignoreRange ? null : /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
  const start = range === null ? 0 : Number(range[1])
  const end = range === null || range[2] === '' ? bytes.byteLength : Math.min(Number(range[2]) + 1, bytes.byteLength)
  if (range !== null) response.setHeader('Content-Range', `bytes ${start}-${end - 1}/${bytes.byteLength}`)
  response.setHeader('Accept-Ranges', 'bytes')
  response.writeHead(range === null ? 200 : 206, { 'Content-Length': end - start })
  const cutAfter = hub.cuts.get(name)?.shift()
  if (cutAfter === undefined) response.end(bytes.subarray(start, end))
  else response.write(bytes.subarray(start, start + cutAfter), () => response.destroy())
}

function answerPost(
  hub: Hub,
  cdn: string,
  uploads: Map<string, Uint8Array>,
  address: URL,
  body: Uint8Array,
  request: IncomingMessage,
  response: ServerResponse,
): unknown {
  const text = new TextDecoder().decode(body)
  if (request.headers.authorization !== 'Bearer secret') return fail(response, 401, '', 'Invalid username or password.')
  if (address.pathname === '/api/repos/create') {
    const { organization, name, visibility } = JSON.parse(text)
    const id = `${organization}/${name}`
    if (hub.repositories.has(id)) return fail(response, 409, '', 'You already created this model repo')
    hub.repositories.set(id, {
      commit: '0'.repeat(40),
      branches: { main: '0'.repeat(40) },
      files: new Map(),
      isPrivate: visibility === 'private',
    })
    return json(response, { url: `${hub.endpoint}/${id}`, id })
  }
  const [, api, , owner, name, verb] = address.pathname.split('/')
  if (api === 'api' && verb === 'preupload') {
    const { files } = JSON.parse(text) as { files: { path: string }[] }
    return json(response, { files: files.map(({ path }) => ({ path, uploadMode: isLarge(path) ? 'lfs' : 'regular' })) })
  }
  if (address.pathname.endsWith('/info/lfs/objects/batch')) {
    const { objects } = JSON.parse(text) as { objects: { oid: string; size: number }[] }
    return json(response, {
      transfer: 'basic',
      objects: objects.map((object) => ({ ...object, actions: { upload: { href: `${cdn}/${object.oid}` } } })),
    })
  }
  if (api === 'api' && verb === 'commit') {
    const files = hub.repositories.get(`${owner}/${name}`)?.files
    for (const line of text.split('\n')) {
      const { key, value } = JSON.parse(line) as { key: string; value: { path: string; content: string; oid: string } }
      if (key === 'file') files?.set(value.path, Buffer.from(value.content, 'base64'))
      if (key === 'lfsFile') files?.set(value.path, uploads.get(value.oid) ?? new Uint8Array(0))
    }
    return json(response, {
      commitOid: 'c'.repeat(40),
      commitUrl: `${hub.endpoint}/${owner}/${name}/commit/${'c'.repeat(40)}`,
    })
  }
  fail(response, 404, '', 'Not found')
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8' }).end(JSON.stringify(value))
}

function fail(response: ServerResponse, status: number, code: string, message: string): void {
  const headers: Record<string, string> = {
    'Content-Type': 'application/json; charset=utf-8',
    'X-Error-Message': message,
  }
  if (code !== '') headers['X-Error-Code'] = code
  response.writeHead(status, headers).end(JSON.stringify({ error: message }))
}

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return new Uint8Array(Buffer.concat(parts))
}
