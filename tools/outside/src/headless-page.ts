/** A page in headless Chromium, driven over the DevTools protocol on two pipes: neither a port nor another package is needed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 250
const FLAGS = [
  '--headless=new',
  '--no-sandbox', // containers have no user namespaces
  '--disable-dev-shm-usage',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--remote-debugging-pipe',
]

interface Reply {
  readonly id?: number
  readonly method?: string
  readonly params?: { readonly [name: string]: unknown }
  readonly result?: { readonly [name: string]: unknown }
  readonly error?: { readonly message: string }
}

interface Waiting {
  resolve(result: NonNullable<Reply['result']>): void
  reject(error: Error): void
}

/** A page that is open. */
export class HeadlessPage {
  /** What the page reported: exceptions that nobody caught, errors of its console. */
  readonly problems: string[] = []
  private readonly waiting = new Map<number, Waiting>()
  private count = 0
  private session: string | undefined

  private constructor(
    private readonly browser: ChildProcess,
    private readonly profile: string,
  ) {
    let rest = ''
    const output = browser.stdio[4] as Readable
    output.setEncoding('utf8')
    output.on('data', (chunk: string) => {
      const messages = (rest + chunk).split('\0')
      rest = messages.pop() ?? ''
      for (const message of messages) this.receive(JSON.parse(message) as Reply)
    })
    browser.on('exit', (code) => {
      for (const { reject } of this.waiting.values()) reject(new Error(`the browser ended with ${code}`))
    })
  }

  /** Opens an address. */
  static async open(program: string, address: string): Promise<HeadlessPage> {
    const profile = mkdtempSync(join(tmpdir(), 'espalier-browser-'))
    const browser = spawn(program, [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    })
    const page = new HeadlessPage(browser, profile)
    const { targetId } = await page.send('Target.createTarget', { url: 'about:blank' })
    const { sessionId } = await page.send('Target.attachToTarget', { targetId, flatten: true })
    page.session = String(sessionId)
    await page.send('Runtime.enable', {})
    await page.send('Page.enable', {})
    await page.send('Page.navigate', { url: address })
    return page
  }

  /** The value of an expression in the page; promises are awaited. */
  async evaluate(expression: string): Promise<unknown> {
    const answer = await this.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })
    const { result, exceptionDetails } = answer as { result: { value?: unknown }; exceptionDetails?: object }
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`)
    return result.value
  }

  /** Waits until an expression is truthy; its value. */
  async until(expression: string, timeoutMs: number): Promise<unknown> {
    for (const end = Date.now() + timeoutMs; Date.now() < end; await sleep(POLL_MS)) {
      const value = await this.evaluate(expression).catch(() => undefined) // between two pages there is nothing to ask
      if (value) return value
    }
    throw new Error(`not within ${timeoutMs} ms: ${expression}; the page reported ${JSON.stringify(this.problems)}`)
  }

  /** Ends the browser. */
  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.browser.once('exit', resolve))
    this.session = undefined
    this.send('Browser.close', {}).catch(() => {}) // it may end before it answers
    await ended
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }) // its helpers end a little later
  }

  private send(method: string, params: object): Promise<NonNullable<Reply['result']>> {
    const id = ++this.count
    const message = { id, method, params, ...(this.session === undefined ? {} : { sessionId: this.session }) }
    ;(this.browser.stdio[3] as Writable).write(`${JSON.stringify(message)}\0`)
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }))
  }

  private receive({ id, method, params, result, error }: Reply): void {
    if (method === 'Runtime.exceptionThrown') this.problems.push(JSON.stringify(params?.exceptionDetails))
    if (method === 'Runtime.consoleAPICalled' && params?.type === 'error')
      this.problems.push(JSON.stringify(params.args))
    const waiting = id === undefined ? undefined : this.waiting.get(id)
    if (id === undefined || waiting === undefined) return
    this.waiting.delete(id)
    if (error === undefined) waiting.resolve(result ?? {})
    else waiting.reject(new Error(error.message))
  }
}
