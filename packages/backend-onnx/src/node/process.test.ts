/** What a process with this backend does to its surroundings: it ends by itself, it survives exits during a step, it tells nobody. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const index = new URL('../index.ts', import.meta.url).href
const core = new URL('../../../core/src/index.ts', import.meta.url).href
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href

let home: string
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'espalier-home-'))
})
afterAll(() => rm(home, { recursive: true, force: true }))

/** Runs one product and then what is given; `slow` is a step of some hundred milliseconds. */
const program = (then: string) => `
  import { feed, hostTensor, matmul, tanh } from '${core}'
  import { onnx } from '${index}'
  const backend = onnx({ threads: 1 })
  const x = feed('x', 'f32', [700, 700])
  const small = feed('x', 'f32', [2, 2])
  const { y } = await (await backend.compile({ name: 'small', outputs: { y: matmul(small, small) } })).run({ feeds: { x: hostTensor('f32', [2, 2], [1, 2, 3, 4]) } })
  let z = x
  for (let i = 0; i < 12; i++) z = tanh(matmul(z, x))
  const large = await backend.compile({ name: 'large', outputs: { z } })
  const slow = () => large.run({ feeds: { x: hostTensor('f32', [700, 700]) } })
  console.log(y.data.join())
  ${then}
`

function environment(): NodeJS.ProcessEnv {
  const {
    CI: _ci,
    ORT_DISABLE_TELEMETRY: _telemetry,
    ESPALIER_CACHE: _cache,
    XDG_CACHE_HOME: _xdg,
    NODE_OPTIONS: _options,
    VITEST: _vitest,
    ...rest
  } = process.env
  return {
    ...rest,
    HOME: home,
    TMPDIR: join(home, 'absent'),
    TSX_TSCONFIG_PATH: fileURLToPath(new URL('../../../../tsconfig.json', import.meta.url)),
    TSX_DISABLE_CACHE: '1',
  }
}

const nodeArguments = (script: string) => ['--import', tsx, '--input-type=module', '--eval', script]

describe('a process with the onnx backend', () => {
  it('ends by itself when nothing was ever asked of it', () => {
    const script = `import { onnx } from '${index}'; onnx({ threads: 1 }); console.log('made')`
    const { stdout, status } = spawnSync(process.execPath, nodeArguments(script), {
      env: environment(),
      encoding: 'utf8',
      timeout: 30_000,
    })
    expect({ stdout, status }).toEqual({ stdout: 'made\n', status: 0 })
  })

  it('ends by itself when its program is finished, without close', () => {
    const { stdout, status, stderr } = spawnSync(process.execPath, nodeArguments(program('')), {
      env: environment(),
      encoding: 'utf8',
      timeout: 60_000,
    })
    expect({ stdout, status, stderr: stderr.replace(/.*MODULE_TYPELESS[\s\S]*/, '') }).toEqual({
      stdout: '7,10,15,22\n',
      status: 0,
      stderr: '',
    })
  })

  it('waits for the step under way when the process exits, instead of aborting', () => {
    const { status, signal } = spawnSync(
      process.execPath,
      nodeArguments(program('slow(); setTimeout(() => process.exit(3), 30)')),
      { env: environment(), timeout: 60_000 },
    )
    expect({ status, signal }).toEqual({ status: 3, signal: null })
  })

  it('waits for the step under way in close, then refuses more with backend.closed', () => {
    const then = `
      const first = slow().then(() => 'ran')
      const closing = backend.close()
      console.log(await first)
      await closing
      console.log(await slow().catch((error) => error.code))`
    const { stdout, status } = spawnSync(process.execPath, nodeArguments(program(then)), {
      env: environment(),
      encoding: 'utf8',
      timeout: 60_000,
    })
    expect({ lines: stdout.trim().split('\n').slice(1), status }).toEqual({
      lines: ['ran', 'backend.closed'],
      status: 0,
    })
  })

  it('answers other events while a step runs', () => {
    const then =
      'let ticks = 0; const timer = setInterval(() => ticks++, 5); await slow(); clearInterval(timer); console.log(ticks > 2)'
    const { stdout } = spawnSync(process.execPath, nodeArguments(program(then)), {
      env: environment(),
      encoding: 'utf8',
      timeout: 60_000,
    })
    expect(stdout.trim().split('\n')[1]).toBe('true')
  })
})

describe('telemetry of the runtime', () => {
  it('makes no file and no network call, with CI unset and an empty home', async () => {
    const strace = spawnSync('strace', ['-V']).status === 0
    if (!strace) {
      console.log('not run: the check for telemetry needs strace')
      return
    }
    const trace = join(home, '..', `espalier-trace-${process.pid}`)
    const own = `${program('await backend.close()')}`
    const status = await new Promise<number | null>((resolve) => {
      const child = spawn(
        'strace',
        [
          '-f',
          '-qq',
          '-e',
          'trace=connect,sendto,sendmsg,openat,creat,mkdir',
          '-o',
          trace,
          process.execPath,
          ...nodeArguments(own),
        ],
        { env: environment(), stdio: 'ignore' },
      )
      child.on('exit', resolve)
    })
    const lines = (await readFile(trace, 'utf8')).split('\n')
    await rm(trace)
    expect(status).toBe(0)
    expect(lines.some((line) => line.includes('libonnxruntime.so'))).toBe(true) // the trace saw the runtime load
    expect(lines.filter((line) => /\b(connect|sendto|sendmsg)\(/.test(line) && /AF_INET|resolv/.test(line))).toEqual([])
    const written = lines.filter(
      (line) => /O_CREAT|O_WRONLY|O_RDWR|\bmkdir\(|\bcreat\(/.test(line) && !/"\/(dev|proc)\//.test(line),
    )
    expect(written).toEqual([])
    expect(await readdir(home)).toEqual([])
  })
})
