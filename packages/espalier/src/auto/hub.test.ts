import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reference } from '@espalier/core'
import { lora } from '@espalier/lora'
import { type FakeHub, fakeHub } from '@espalier/serialization/hub/hub-server.fake.js'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { LoadProgress } from '../model/load-progress.js'
import { getPeftModel } from '../model/peft-model.js'
import { tinyModelFiles } from '../tiny-model.fake.js'
import { AutoModelForCausalLM } from './auto-model.js'
import { AutoPeftModelForCausalLM } from './auto-peft-model.js'
import { AutoTokenizer } from './auto-tokenizer.js'
import { PeftConfig } from './peft-config.js'

const COMMIT = 'c'.repeat(40)
const PROMPT = { prompt: 'once upon', maxNewTokens: 4 }
const environment = { retryDelayMs: 1 }
let hub: FakeHub
let home = ''

beforeEach(async () => {
  hub = await fakeHub()
  home = mkdtempSync(join(tmpdir(), 'espalier-facade-hub-'))
  for (const name of [
    'HF_HUB_CACHE',
    'HUGGINGFACE_HUB_CACHE',
    'HF_TOKEN',
    'HF_HUB_OFFLINE',
    'HTTP_PROXY',
    'http_proxy',
  ])
    vi.stubEnv(name, undefined)
  vi.stubEnv('HF_ENDPOINT', hub.endpoint)
  vi.stubEnv('HF_HOME', home)
  await add('me/base', await tinyModelFiles())
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await hub.close()
  rmSync(home, { recursive: true })
})

async function add(name: string, blobs: ReadonlyMap<string, Blob>): Promise<void> {
  const files = new Map<string, Uint8Array>()
  for (const [file, blob] of blobs) files.set(file, new Uint8Array(await blob.arrayBuffer()))
  hub.repositories.set(name, { commit: COMMIT, branches: { main: COMMIT }, files })
}

const loadBase = (onProgress?: (progress: LoadProgress) => void) =>
  AutoModelForCausalLM.fromPretrained('me/base', {
    backend: reference(),
    environment,
    ...(onProgress && { onProgress }),
  })

describe('models from the hub', () => {
  it('load with their tokenizer, and tell of the download', async () => {
    const seen: LoadProgress[] = []
    await using base = await loadBase((progress) => void seen.push(progress))
    expect((await base.generate(PROMPT)).tokenIds).toHaveLength(4)
    expect(base.loaded).toMatchObject({ nameOrPath: 'me/base', revision: COMMIT })
    const last = seen.filter(({ file, phase }) => file === 'model.safetensors' && phase === 'download').at(-1)
    expect(last?.loadedBytes).toBe(hub.repositories.get('me/base')?.files.get('model.safetensors')?.byteLength)
    expect(
      (await AutoTokenizer.fromPretrained('me/base', { environment })).encode('a').inputIds.length,
    ).toBeGreaterThan(0)
  })

  it('are found through an adapter, at the commit that it was trained on', async () => {
    await using base = await loadBase()
    const model = getPeftModel(base, lora({ r: 2, targetModules: ['q_proj'] }))
    await add('me/adapter', await model.toFiles())
    expect(await PeftConfig.fromPretrained('me/adapter', { environment })).toMatchObject({
      peftType: 'LORA',
      baseModelNameOrPath: 'me/base',
      revision: COMMIT,
    })
    rmSync(join(home, 'hub'), { recursive: true })
    hub.requests.length = 0
    await using served = await AutoPeftModelForCausalLM.fromPretrained('me/adapter', {
      backend: reference(),
      environment,
    })
    expect((await served.generate(PROMPT)).text).toBe((await model.generate(PROMPT)).text)
    const asked = hub.requests.filter((request) => request.includes('me/base'))
    expect(asked.length).toBeGreaterThan(0)
    expect(asked.every((request) => request.includes(COMMIT))).toBe(true)
  })

  it('stop loading when the signal says so', async () => {
    const abort = new AbortController()
    const loading = AutoModelForCausalLM.fromPretrained('me/base', {
      backend: reference(),
      environment,
      signal: abort.signal,
      onProgress: () => abort.abort('enough'),
    })
    await expect(loading).rejects.toBe('enough')
  })
})
