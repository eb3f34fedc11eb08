/** `espalier doctor`: what this machine has, pasteable and without secrets. */
import { readdir, stat } from 'node:fs/promises'
import { arch, availableParallelism, cpus, freemem, platform, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { defaultCacheFolder } from '@espalier/backend-onnx'
import type { Backend } from '@espalier/core'
import { hubEnvironment } from '@espalier/serialization'
import type { BackendName } from '../model/default-backend.js'
import { bytes, result } from './terminal.js'
import type { Values } from './values.js'
import { packageVersion } from './version.js'

const HUB_TIMEOUT_MS = 3000

/** Runs the command; its exit code. */
export async function doctor(values: Values): Promise<number> {
  const facts = await examine()
  if (values.flag('json') === true) result(JSON.stringify(facts, null, 2))
  else {
    const width = Math.max(...Object.keys(facts).map((key) => key.length))
    for (const [key, value] of Object.entries(facts)) result(`${key.padEnd(width)}  ${value}`)
  }
  return 0
}

async function examine(): Promise<Record<string, string>> {
  const hub = await hubEnvironment()
  const cache = defaultCacheFolder()
  return {
    espalier: packageVersion(),
    node: process.version,
    system: `${platform()} ${arch()} ${release()}`,
    processor: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${availableParallelism()} threads`,
    memory: `${bytes(freemem())} free of ${bytes(totalmem())}`,
    'backend onnx': await onnxState(),
    'backend webgpu': await webgpuState(),
    'backend tfjs': 'in programs, with your own tfjs (@espalier/backend-tfjs)',
    'backend reference': 'ready (plain loops: for tiny models)',
    'weight cache': `${cache} (${bytes(await sizeOf(cache))} of at most 20 GB; may be deleted)`,
    'hub cache': `${hub.cacheFolder ?? 'none'} (${bytes(await sizeOf(hub.cacheFolder ?? 'none'))})`,
    hub: await hubState(hub.endpoint, hub.offline),
    'hub token': hub.token === undefined ? 'none' : 'set (not shown)',
    telemetry: 'none; ONNX Runtime’s is turned off before it loads',
  }
}

async function onnxState(): Promise<string> {
  return stateOf('onnx', async ({ name }) => {
    const { findNative, findWasm } = await import('@espalier/backend-onnx')
    const runtime = name === 'onnx' ? findNative() : findWasm()
    return `${runtime?.name} ${runtime?.version}`
  })
}

async function webgpuState(): Promise<string> {
  return stateOf('webgpu', async () => {
    const { webgpuAdapter } = await import('@espalier/backend-webgpu')
    const { vendor, architecture, description } = await webgpuAdapter()
    return [vendor, architecture, description].filter((word) => word !== '').join(' ')
  })
}

/** Whether a backend adds up, and what it computes on. */
async function stateOf(name: BackendName, computesOn: (backend: Backend) => Promise<string>): Promise<string> {
  try {
    const { namedBackend, slownessOf } = await import('../model/default-backend.js')
    const backend = await namedBackend(name, { threads: 1 })
    const { constant, add } = await import('@espalier/core')
    const program = await backend.compile({
      name: 'doctor',
      outputs: { sum: add(constant(1, 'f32', [2]), constant(2, 'f32', [2])) },
    })
    const { sum } = await program.run({})
    await backend.close()
    if (sum?.data[0] !== 3) return 'computes wrong results'
    const slowness = await slownessOf(backend)
    return [`ready (${await computesOn(backend)})`, ...(slowness === undefined ? [] : [slowness])].join('; ')
  } catch (error) {
    return `not usable: ${error instanceof Error ? error.message : String(error)}`
  }
}

async function hubState(endpoint: string, offline: boolean): Promise<string> {
  if (offline) return `${endpoint} (offline by HF_HUB_OFFLINE)`
  try {
    const answer = await fetch(new URL('/api/models?limit=1', endpoint), {
      signal: AbortSignal.timeout(HUB_TIMEOUT_MS),
    })
    return `${endpoint} answers ${answer.status}`
  } catch (error) {
    const cause = (error as { cause?: { code?: string } }).cause?.code
    return `${endpoint} is out of reach (${cause ?? (error instanceof Error ? error.name : 'unknown')})`
  }
}

async function sizeOf(folder: string): Promise<number> {
  let total = 0
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) total += await sizeOf(path)
    else if (entry.isFile()) total += (await stat(path).catch(() => ({ size: 0 }))).size
  }
  return total
}
