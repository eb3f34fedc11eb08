/** A fetch that goes through the proxies of the environment, which Node's own does not know. Node only. */
import type { Dispatcher } from 'undici'

type Variables = Readonly<Record<string, string | undefined>>

/** Node's fetch, or undici's with proxies when HTTP_PROXY, HTTPS_PROXY or ALL_PROXY (also in lower case) is set. NO_PROXY is honoured. */
export function proxyFetch(env: Variables): typeof fetch {
  const read = (name: string) => env[name] || env[name.toUpperCase()] || undefined
  const every = read('all_proxy')
  const proxies = { 'http:': read('http_proxy') ?? every, 'https:': read('https_proxy') ?? every }
  if (proxies['http:'] === undefined && proxies['https:'] === undefined) {
    return (input, init) => globalThis.fetch(input, init)
  }
  const bypass = read('no_proxy')
  let loaded: Promise<typeof fetch> | undefined
  return async (input, init) => {
    // undici has an agent that reads the environment, but it prints a warning.
    loaded ??= import('undici').then(({ Agent, fetch, ProxyAgent }) => {
      const agents = new Map<string, Dispatcher>()
      const agentOf = (proxy: string) => {
        const agent = agents.get(proxy) ?? new ProxyAgent(proxy)
        agents.set(proxy, agent)
        return agent
      }
      const dispatcher = new Agent().compose((direct) => (options, handler) => {
        const target = new URL(String(options.origin))
        const proxy = proxies[target.protocol as keyof typeof proxies]
        if (proxy === undefined || isBypassed(target, bypass)) return direct(options, handler)
        return agentOf(proxy).dispatch(options, handler)
      })
      const run = (address: string | URL, rest: object) => fetch(address, { ...rest, dispatcher })
      return run as unknown as typeof globalThis.fetch
    })
    return (await loaded)(input, init)
  }
}

/** Whether NO_PROXY names a host: `*`, `host`, `host:port`, and a domain with everything below it, with or without its dot. */
export function isBypassed(target: URL, list: string | undefined): boolean {
  const port = target.port || (target.protocol === 'https:' ? '443' : '80')
  return (list ?? '').split(/[\s,]+/).some((entry) => {
    if (entry === '*') return true
    const [, host = '', only] = /^\*?\.?(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? []
    if (host === '' || (only !== undefined && only !== port)) return false
    return target.hostname === host || target.hostname.endsWith(`.${host}`)
  })
}
