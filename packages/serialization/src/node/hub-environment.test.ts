import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { hubEnvironment } from './hub-environment.js'

const home = mkdtempSync(join(tmpdir(), 'espalier-env-'))
afterAll(() => rmSync(home, { recursive: true }))
writeFileSync(join(home, 'token'), 'from-file\n')

describe('hubEnvironment', () => {
  it('takes the defaults of Python', async () => {
    const environment = await hubEnvironment({ HF_TOKEN_PATH: join(home, 'none') })
    expect(environment).toMatchObject({
      endpoint: 'https://huggingface.co',
      offline: false,
      cacheFolder: join(homedir(), '.cache/huggingface/hub'),
    })
    expect(environment.token).toBeUndefined()
  })

  it('reads the variables of Python in their order', async () => {
    const cache = async (env: Record<string, string>) => (await hubEnvironment(env)).cacheFolder
    expect(await cache({ XDG_CACHE_HOME: '/x' })).toBe('/x/huggingface/hub')
    expect(await cache({ XDG_CACHE_HOME: '/x', HF_HOME: '/h' })).toBe('/h/hub')
    expect(await cache({ HF_HOME: '/h', HUGGINGFACE_HUB_CACHE: '/old' })).toBe('/old')
    expect(await cache({ HUGGINGFACE_HUB_CACHE: '/old', HF_HUB_CACHE: '~/c' })).toBe(join(homedir(), 'c'))
    expect((await hubEnvironment({ HF_ENDPOINT: 'http://h:1/' })).endpoint).toBe('http://h:1')
    expect((await hubEnvironment({ HF_HUB_OFFLINE: 'YES' })).offline).toBe(true)
    expect((await hubEnvironment({ HF_HUB_OFFLINE: '0' })).offline).toBe(false)
  })

  it('finds the token', async () => {
    expect((await hubEnvironment({ HF_HOME: home })).token).toBe('from-file')
    expect((await hubEnvironment({ HF_HOME: home, HF_TOKEN: ' direct ' })).token).toBe('direct')
    expect((await hubEnvironment({ HF_HOME: home, HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' })).token).toBeUndefined()
  })
})
