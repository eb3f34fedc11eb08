/** The hub's surroundings from the environment variables that Python's client reads. Node only. */
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type HubEnvironment, PUBLIC_HUB } from '../hub/environment.js'
import { proxyFetch } from './proxy-fetch.js'

/** Reads HF_ENDPOINT, HF_TOKEN (or the token file), HF_HUB_OFFLINE, HF_HOME, HF_HUB_CACHE and the proxies. */
export async function hubEnvironment(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<HubEnvironment & { readonly cacheFolder: string }> {
  const set = (name: string) => (env[name] === undefined || env[name] === '' ? undefined : env[name])
  const yes = (name: string) => /^(?:1|on|yes|true)$/i.test(set(name) ?? '')
  const home = expandHome(set('HF_HOME') ?? join(set('XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'huggingface'))
  const cache = set('HF_HUB_CACHE') ?? set('HUGGINGFACE_HUB_CACHE')
  const seconds = Number(set('HF_HUB_DOWNLOAD_TIMEOUT') ?? Number.NaN)
  return {
    endpoint: (set('HF_ENDPOINT') ?? PUBLIC_HUB).replace(/\/+$/, ''),
    token: yes('HF_HUB_DISABLE_IMPLICIT_TOKEN') ? undefined : await findToken(set, home),
    offline: yes('HF_HUB_OFFLINE') || yes('TRANSFORMERS_OFFLINE'),
    cacheFolder: cache === undefined ? join(home, 'hub') : expandHome(cache),
    fetch: proxyFetch(env),
    retryDelayMs: 500,
    timeoutMs: Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 30_000,
  }
}

async function findToken(set: (name: string) => string | undefined, home: string): Promise<string | undefined> {
  const direct = set('HF_TOKEN') ?? set('HUGGING_FACE_HUB_TOKEN')
  const text =
    direct ?? (await readFile(expandHome(set('HF_TOKEN_PATH') ?? join(home, 'token')), 'utf8').catch(() => ''))
  const token = text.trim()
  return token === '' ? undefined : token
}

function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path
}
