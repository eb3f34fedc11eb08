import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { expect, it } from 'vitest'

const LOADER = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
const SIGNALS = new URL('./signals.ts', import.meta.url).href

/** Starts a program that listens to signals and, when one came, runs `afterwards`. */
function listening(afterwards: string, before: readonly string[] = []) {
  const program = `const { onInterrupt } = await import(${JSON.stringify(SIGNALS)})
    setInterval(() => {}, 1000)
    onInterrupt(() => { ${afterwards} })
    console.log('ready')`
  const words = [...before, process.execPath, '--import', LOADER, '--input-type=module', '-e', program]
  const child = spawn(words[0] as string, words.slice(1), {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const said = async (text: string) => {
    let heard = ''
    while (!heard.includes(text)) heard += String((await once(child.stdout, 'data'))[0])
  }
  return { child, said, ended: once(child, 'exit') as Promise<[number | null, string | null]> }
}

it.runIf(process.platform !== 'win32')('ends at the second signal, however busy the process is', async () => {
  const { child, said, ended } = listening(`setTimeout(() => { console.log('busy'); for (;;) {} }, 50)`)
  await said('ready')
  child.kill('SIGINT')
  await said('busy')
  child.kill('SIGTERM')
  expect(await ended).toEqual([null, 'SIGTERM'])
})

it.runIf(process.platform !== 'win32')('hears SIGHUP though nohup had it ignored', async () => {
  const { child, said, ended } = listening(`console.log('heard'); setTimeout(() => process.exit(0), 10)`, ['nohup'])
  await said('ready')
  child.kill('SIGHUP')
  await said('heard')
  expect(await ended).toEqual([0, null])
})

it.runIf(process.platform !== 'win32')('ends when two signals come at once', async () => {
  const { child, said, ended } = listening(`for (let i = 0; i < 1e8; i++) Math.sqrt(i)`)
  await said('ready')
  child.kill('SIGINT')
  child.kill('SIGTERM')
  const [code, signal] = await ended
  expect(code).toBeNull()
  expect(['SIGINT', 'SIGTERM']).toContain(signal)
})
