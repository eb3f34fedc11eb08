import { createHash, randomBytes } from 'node:crypto'
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type ModelFiles, readText } from '../files/model-files.js'
import { openSource } from '../files/open-source.js'
import { memoryFolder } from '../files/output-folder.js'
import { openWeights } from '../safetensors/sharded.js'
import { writeSafetensors } from '../safetensors/writer.js'
import { uploadFolder } from '../upload-folder.js'
import type { DownloadProgress } from './environment.js'
import { type FakeHub, type FakeRepository, fakeHub } from './hub-server.fake.js'
import { remoteFiles } from './remote-files.js'

const COMMIT = 'a'.repeat(40)
const OLD = 'b'.repeat(40)
const quick = { retryDelayMs: 1 }
const text = (value: string) => new TextEncoder().encode(value)
const large = new Uint8Array(randomBytes(300_000))

let hub: FakeHub
let home = ''
beforeEach(async () => {
  hub = await fakeHub()
  home = mkdtempSync(join(tmpdir(), 'espalier-hub-'))
  for (const name of [
    'HF_HUB_CACHE',
    'HUGGINGFACE_HUB_CACHE',
    'HF_TOKEN',
    'HF_HUB_OFFLINE',
    'HTTP_PROXY',
    'http_proxy',
    'HTTPS_PROXY',
    'https_proxy',
  ])
    vi.stubEnv(name, undefined)
  vi.stubEnv('HF_ENDPOINT', `${hub.endpoint}/`)
  vi.stubEnv('HF_HOME', home)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await hub.close()
  rmSync(home, { recursive: true })
})

function add(id: string, files: Record<string, Uint8Array>, more: Partial<FakeRepository> = {}): void {
  hub.repositories.set(id, {
    commit: COMMIT,
    branches: { main: COMMIT, 'refs/pr/1': OLD },
    files: new Map(Object.entries(files)),
    ...more,
  })
}

const open = (source: string, options = {}) => openSource(source, { environment: quick, ...options })
const cached = (...path: string[]) => join(home, 'hub', 'models--me--model', ...path)
const bytesOf = async (files: ModelFiles, name: string) => {
  const file = await files.open(name)
  return file.read(0, file.size)
}
const downloads = () => hub.requests.filter((request) => request.includes('/resolve/') || request.startsWith('GET cdn'))

describe('openSource of a repository on the hub', () => {
  it('downloads what is needed into the layout of Python and links it', async () => {
    add('me/model', {
      'config.json': text('{}'),
      'model.safetensors': large,
      'README.md': text('x'),
      'model.onnx': text('y'),
      'sub/config.json': text('z'),
    })
    const files = await open('me/model')
    expect(files.hub).toEqual({ repository: 'me/model', commit: COMMIT })
    expect(files.path).toBe(cached('snapshots', COMMIT))
    expect(await files.list()).toEqual(['config.json', 'model.safetensors'])
    expect(Buffer.from(await bytesOf(files, 'model.safetensors')).equals(large)).toBe(true)
    const sha = createHash('sha256').update(large).digest('hex')
    expect(readlinkSync(cached('snapshots', COMMIT, 'model.safetensors'))).toBe(`../../blobs/${sha}`)
    expect(readFileSync(cached('refs', 'main'), 'utf8')).toBe(COMMIT)
    expect(readdirSync(cached('blobs'))).toHaveLength(2)
    expect((await files.open('model.safetensors')).realPath).toMatch(new RegExp(`${sha}$`))
  })

  it('downloads nothing twice, also when another revision has the same file', async () => {
    add('me/model', { 'config.json': text('{}') })
    await open('me/model')
    await open('me/model')
    await open('me/model@refs/pr/1')
    expect(downloads()).toHaveLength(1)
    expect(readFileSync(cached('refs', 'refs', 'pr', '1'), 'utf8')).toBe(OLD)
    expect(lstatSync(cached('snapshots', OLD, 'config.json')).isSymbolicLink()).toBe(true)
  })

  it('reports the bytes of each file', async () => {
    add('me/model', { 'config.json': text('{}'), 'model.safetensors': large })
    const seen: DownloadProgress[] = []
    await open('me/model', { onProgress: (progress: DownloadProgress) => seen.push(progress) })
    const weights = seen.filter((progress) => progress.file === 'model.safetensors')
    expect(weights.length).toBeGreaterThan(1)
    expect(weights.at(-1)).toEqual({
      phase: 'download',
      file: 'model.safetensors',
      loadedBytes: 300_000,
      totalBytes: 300_000,
    })
    expect(weights.map((progress) => progress.loadedBytes)).toEqual(
      weights.map((progress) => progress.loadedBytes).sort((a, b) => a - b),
    )
  })

  it('goes on where a connection was cut', async () => {
    add('me/model', { 'model.safetensors': large })
    hub.cuts.set('model.safetensors', [100_000, 50_000])
    const files = await open('me/model')
    expect(Buffer.from(await bytesOf(files, 'model.safetensors')).equals(large)).toBe(true)
    expect(hub.ranges[0]).toBeUndefined()
    expect(hub.ranges.slice(1).every((range) => /^bytes=[1-9]\d*-299999$/.test(range ?? ''))).toBe(true)
  })

  it('gives up on a line that stays cut, leaves no file under its name, and resumes the next time', async () => {
    add('me/model', { 'model.safetensors': large })
    hub.cuts.set('model.safetensors', [100_000, ...Array.from({ length: 20 }, () => 0)])
    await expect(open('me/model')).rejects.toMatchObject({ code: 'hub.connection' })
    expect(readdirSync(cached('blobs')).every((name) => name.endsWith('.incomplete'))).toBe(true)
    hub.cuts.clear()
    hub.ranges.length = 0
    const files = await open('me/model')
    expect(Buffer.from(await bytesOf(files, 'model.safetensors')).equals(large)).toBe(true)
    expect(hub.ranges[0]).toMatch(/^bytes=[1-9]/)
  })

  it('starts again when the server cannot resume', async () => {
    add('me/model', { 'model.safetensors': large })
    hub.cuts.set('model.safetensors', [100_000])
    hub.ignoreRange = true
    const files = await open('me/model')
    expect(Buffer.from(await bytesOf(files, 'model.safetensors')).equals(large)).toBe(true)
  })

  it('refuses a file that does not have the announced hash', async () => {
    add('me/model', { 'model.safetensors': large })
    hub.swapped.set('model.safetensors', new Uint8Array(300_000))
    await expect(open('me/model')).rejects.toMatchObject({
      code: 'hub.response',
      details: { file: 'model.safetensors' },
    })
    expect(readdirSync(cached('blobs'))).toEqual([])
  })

  it('stops when it is aborted, with the reason, and leaves no file under its name', async () => {
    add('me/model', { 'model.safetensors': large })
    const controller = new AbortController()
    const onProgress = ({ loadedBytes }: DownloadProgress) => loadedBytes > 0 && controller.abort('enough')
    await expect(open('me/model', { signal: controller.signal, onProgress })).rejects.toBe('enough')
    expect(readdirSync(cached('blobs')).every((name) => name.endsWith('.incomplete'))).toBe(true)
    await expect(open('me/model', { signal: AbortSignal.abort('never') })).rejects.toBe('never')
  })

  it('asks again when the hub is busy', async () => {
    add('me/model', { 'config.json': text('{}') })
    hub.refuse.push(503, 429)
    expect(await (await open('me/model')).exists('config.json')).toBe(true)
  })

  it('fetches the shards that an index names, and no others', async () => {
    const memory = memoryFolder()
    const tensor = (name: string) => ({ name, dtype: 'U8' as const, shape: [1], bytes: () => Uint8Array.of(1) })
    await writeSafetensors(memory, 'one.safetensors', [tensor('a')])
    await writeSafetensors(memory, 'two.safetensors', [tensor('b')])
    const [one, two] = await Promise.all(
      [...memory.toFiles().values()].map(async (blob) => new Uint8Array(await blob.arrayBuffer())),
    )
    add('me/model', {
      'model.safetensors.index.json': text('{"weight_map":{"a":"one.safetensors","b":"two.safetensors"}}'),
      'one.safetensors': one!,
      'two.safetensors': two!,
      'three.safetensors': large,
    })
    const files = await open('me/model')
    expect([...(await openWeights(files)).tensors.keys()].sort()).toEqual(['a', 'b'])
    expect(await files.exists('three.safetensors')).toBe(false)
  })

  it('fetches an adapter from a subfolder', async () => {
    add('me/model', {
      'config.json': text('{}'),
      'b/adapter_config.json': text('{"r":1}'),
      'b/adapter_model.safetensors': large,
    })
    const files = await open('me/model', { groups: ['adapter'], subfolder: 'b' })
    expect(await readText(files.folder('b'), 'adapter_config.json')).toBe('{"r":1}')
    expect(await files.exists('config.json')).toBe(false)
  })

  it('refuses repositories that have only pickles, before it downloads them', async () => {
    add('me/model', { 'config.json': text('{}'), 'pytorch_model.bin': large })
    await expect(open('me/model')).rejects.toMatchObject({
      code: 'model.pickle',
      details: { files: ['pytorch_model.bin'] },
    })
    expect(downloads()).toEqual([])
  })

  it('sends the token to the hub and never to where it redirects', async () => {
    add('me/model', { 'model.safetensors': large }, { access: { token: 'my-own' } })
    vi.stubEnv('HF_TOKEN', 'my-own')
    expect(await (await open('me/model')).exists('model.safetensors')).toBe(true)
    expect(hub.leaked).toEqual([])
    vi.stubEnv('HF_TOKEN', undefined)
    rmSync(join(home, 'hub'), { recursive: true })
    writeFileSync(join(home, 'token'), 'my-own\n')
    expect(await (await open('me/model')).exists('model.safetensors')).toBe(true)
  })

  it('tells apart what was not found and what is not allowed', async () => {
    add('me/model', { 'config.json': text('{}') })
    add('me/gated', {}, { access: { token: 'x', gated: true } })
    await expect(open('me/absent')).rejects.toMatchObject({
      code: 'hub.access',
      fix: expect.stringContaining('HF_TOKEN'),
    })
    await expect(open('me/model@v9')).rejects.toMatchObject({ code: 'hub.revision', details: { revision: 'v9' } })
    await expect(open('me/gated')).rejects.toMatchObject({ code: 'hub.access', what: expect.stringContaining('gated') })
    vi.stubEnv('HF_TOKEN', 'hf_wrong')
    await expect(open('me/absent')).rejects.toMatchObject({ code: 'hub.repository' })
    await expect(open('me/gated')).rejects.toMatchObject({
      code: 'hub.access',
      fix: expect.stringContaining('/me/gated'),
    })
    await expect((await open('me/model')).open('x')).rejects.toMatchObject({ code: 'file.missing' })
  })

  it('uses the cache without a network, and says when it does not hold the repository', async () => {
    add('me/model', { 'config.json': text('{}') })
    await open('me/model')
    vi.stubEnv('HF_HUB_OFFLINE', '1')
    const before = hub.requests.length
    expect(await (await open('me/model')).exists('config.json')).toBe(true)
    expect(await (await open(`me/model@${COMMIT}`)).exists('config.json')).toBe(true)
    await expect(open('me/other')).rejects.toMatchObject({
      code: 'hub.offline',
      fix: expect.stringContaining('HF_HUB_OFFLINE'),
    })
    await expect(open('mistyped')).rejects.toMatchObject({
      fix: expect.stringContaining('There is no folder mistyped'),
    })
    expect(hub.requests).toHaveLength(before)
    vi.stubEnv('HF_HUB_OFFLINE', undefined)
    vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:9')
    expect(await (await open('me/model')).exists('config.json')).toBe(true)
    await expect(open('me/other')).rejects.toMatchObject({ code: 'hub.offline' })
  })

  it('understands the address of a page, and refuses what is neither folder nor repository', async () => {
    add('me/model', { 'config.json': text('{}') })
    expect((await open(`${hub.endpoint}/me/model/tree/main`)).hub?.commit).toBe(COMMIT)
    for (const source of ['./nowhere', '/nowhere/at/all', 'a/b/c', 'me/model@..', 'https://example.org/me/model'])
      await expect(open(source)).rejects.toMatchObject({ code: 'source.unknown' })
  })

  it('goes through a proxy when the environment names one', async () => {
    add('me/model', { 'config.json': text('{}') })
    const tunnels: string[] = []
    const proxy = createServer().on('connect', (request, socket) => {
      tunnels.push(request.url ?? '')
      const target = new URL(hub.endpoint)
      const upstream = connect(Number(target.port), target.hostname, () => {
        socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
        upstream.pipe(socket).pipe(upstream)
      })
      upstream.on('error', () => socket.destroy())
      socket.on('error', () => upstream.destroy())
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    vi.stubEnv('http_proxy', `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`)
    vi.stubEnv('HF_ENDPOINT', 'http://hub.invalid')
    expect(await (await open('me/model')).exists('config.json')).toBe(true)
    expect(tunnels[0]).toBe('hub.invalid:80')
    proxy.closeAllConnections()
    proxy.close()
  })
})

describe('remoteFiles', () => {
  it('reads a repository by range without a cache', async () => {
    add('me/model', { 'config.json': text('{"a":1}'), 'model.safetensors': large, 'b/c.json': text('2') })
    const environment = { endpoint: hub.endpoint, offline: false, fetch, retryDelayMs: 1, timeoutMs: 5000 }
    const files = await remoteFiles({ repository: 'me/model', revision: 'main' }, environment)
    expect(await files.list()).toEqual(['config.json', 'model.safetensors'])
    expect(await readText(files, 'config.json')).toBe('{"a":1}')
    expect(await readText(files.folder('b'), 'c.json')).toBe('2')
    const weights = await files.open('model.safetensors')
    hub.ranges.length = 0
    expect(Buffer.from(await weights.read(10, 20)).equals(large.subarray(10, 20))).toBe(true)
    expect(hub.ranges).toEqual(['bytes=10-19'])
    await expect(files.open('x')).rejects.toMatchObject({ code: 'file.missing' })
  })
})

describe('uploadFolder', () => {
  it('makes a private repository and commits every file, large ones by the large file store', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'espalier-upload-'))
    writeFileSync(join(folder, 'adapter_config.json'), '{}')
    writeFileSync(join(folder, 'adapter_model.safetensors'), large)
    writeFileSync(join(folder, '.hidden'), 'x')
    vi.stubEnv('HF_TOKEN', 'secret')
    const seen: string[] = []
    const result = await uploadFolder(folder, 'me/new', { onProgress: ({ file }) => seen.push(file) })
    expect(result).toMatchObject({ repository: 'me/new', commit: 'c'.repeat(40) })
    const { files, isPrivate } = hub.repositories.get('me/new')!
    expect(isPrivate).toBe(true)
    expect([...files.keys()].sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors'])
    expect(Buffer.from(files.get('adapter_model.safetensors')!).equals(large)).toBe(true)
    expect(seen).toContain('adapter_model.safetensors')
    expect(hub.leaked).toEqual([])
    await uploadFolder(new Map([['b.json', new Blob(['1'])]]), 'me/new', { private: false })
    expect(hub.repositories.get('me/new')!.files.has('b.json')).toBe(true)
    rmSync(folder, { recursive: true })
  })

  it('needs a token, and the right one', async () => {
    const files = new Map([['a', new Blob(['1'])]])
    await expect(uploadFolder(files, 'me/new')).rejects.toMatchObject({
      code: 'hub.access',
      fix: expect.stringContaining('HF_TOKEN'),
    })
    vi.stubEnv('HF_TOKEN', 'wrong')
    await expect(uploadFolder(files, 'me/new')).rejects.toMatchObject({ code: 'hub.access' })
    vi.stubEnv('HF_TOKEN', 'secret')
    await expect(uploadFolder(new Map(), 'me/new')).rejects.toMatchObject({ code: 'file.missing' })
  })
})
