/**
 * Packs the packages, installs them beside Vite into an empty project with the example's page, and lets headless Chromium train there: from what
 * `vite build` makes, and from the development server. There too: what a page is told that gets a page for the runtime's .wasm file.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { cpSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HeadlessPage } from './headless-page.js'
import { OutsideProject } from './outside-project.js'

const PACKAGES = [
  'core',
  'checkpointing',
  'quantization',
  'lora',
  'models',
  'serialization',
  'data',
  'trainer',
  'backend-onnx',
  'backend-webgpu',
  'espalier',
]
const STEPS = 40
const TRAINING_MS = 120_000
const PAGE_MS = 60_000

const root = fileURLToPath(new URL('../../..', import.meta.url))
const example = join(root, 'examples/browser')
const manifest = JSON.parse(readFileSync(join(example, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
}

const project = new OutsideProject({
  name: 'browser',
  packages: PACKAGES.map((name) => `packages/${name}`),
  others: {
    'onnxruntime-web': String(manifest.dependencies['onnxruntime-web']),
    vite: String(manifest.devDependencies.vite),
  },
  program: 'export {}\n',
})
for (const name of ['index.html', 'vite.config.ts', 'src'])
  cpSync(join(example, name), join(project.folder, name), { recursive: true })
for (const name of ['wasm-elsewhere.html', 'wasm-elsewhere.ts'])
  cpSync(fileURLToPath(new URL(`../project/${name}`, import.meta.url)), join(project.folder, name))

const failures: string[] = []
const browser = chromium()
await attempt('vite build', async () => {
  project.run('vite build', 'npx', ['vite', 'build'])
  await served(['preview'], trains)
})
await attempt('vite, the development server', () =>
  served([], async (address) => {
    await trains(address)
    await saysWhere(`${address}wasm-elsewhere.html`)
  }),
)
if (failures.length === 0) project.remove()
else process.stdout.write(`browser: kept ${project.folder}\n`)
process.stdout.write(failures.length === 0 ? 'browser: all passed\n' : `browser: ${failures.join('; ')} failed\n`)
process.exitCode = failures.length === 0 ? 0 : 1

/** The page of the example learns, shows it, and offers the adapter's files. */
async function trains(address: string): Promise<void> {
  const page = await HeadlessPage.open(browser, address)
  try {
    await page.until("document.querySelector('#settings button')?.disabled === false", PAGE_MS)
    await page.evaluate(
      `document.querySelector('#steps').value = ${STEPS}; document.querySelector('#settings').requestSubmit()`,
    )
    const state = "document.querySelector('#state').textContent"
    await page.until(`/^(Done|Failed)/.test(${state})`, TRAINING_MS)
    expect(await page.evaluate(state), 'Done')
    const points = await page.evaluate("document.querySelector('#losses polyline').getAttribute('points')")
    const heights = String(points)
      .split(' ')
      .map((point) => 100 - Number(point.split(',')[1]))
    expect(heights.length, STEPS)
    expect((heights.at(-1) ?? 100) < (heights[0] ?? 0) / 2, true)
    const [before, after] = ['before', 'after'].map((id) =>
      page.evaluate(`document.querySelector('#${id}').textContent`),
    )
    expect((await before) !== (await after), true)
    const config = await page.evaluate(`fetch([...document.querySelectorAll('#files a')]
      .find((link) => link.download === 'adapter_config.json').href).then((answer) => answer.json())`)
    expect((config as { peft_type: string }).peft_type, 'LORA')
    expect(page.problems.join('\n'), '')
    process.stdout.write(`browser: trained at ${address}: ${JSON.stringify(await after)}\n`)
  } finally {
    await page.close()
  }
}

async function saysWhere(address: string): Promise<void> {
  const page = await HeadlessPage.open(browser, address)
  try {
    const said = String(await page.until('document.body?.textContent.trim()', PAGE_MS))
    process.stdout.write(`browser: ${said}\n`)
    expect(/^backend\.missing: .*answers with a page.*wasmPaths/s.test(said), true)
  } finally {
    await page.close()
  }
}

/** Runs Vite for as long as the work takes, which is told the address. */
async function served(words: readonly string[], work: (address: string) => Promise<void>): Promise<void> {
  const vite = join(project.folder, 'node_modules/vite/bin/vite.js')
  const server = spawn(process.execPath, [vite, ...words, '--host', '127.0.0.1'], {
    cwd: project.folder,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    await work(await addressOf(server))
  } finally {
    server.kill()
  }
}

function addressOf(server: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    server.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      const address = /http:\/\/127\.0\.0\.1:\d+\//.exec(said)?.[0]
      if (address !== undefined) resolve(address)
    })
    server.on('exit', () => reject(new Error(`vite ended: ${said}`)))
  })
}

async function attempt(what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    failures.push(what)
    process.stdout.write(`browser: ${what}: failed\n${error instanceof Error ? error.stack : String(error)}\n`)
  }
}

function expect(found: unknown, wanted: unknown): void {
  if (found !== wanted) throw new Error(`found ${JSON.stringify(found)}, expected ${JSON.stringify(wanted)}`)
}

/** The program to run: ESPALIER_CHROMIUM, or the first that is installed. */
function chromium(): string {
  const { ESPALIER_CHROMIUM: given } = process.env
  if (given !== undefined && existsSync(given)) return given
  for (const name of ['chromium', 'chromium-browser', 'google-chrome'])
    try {
      return execFileSync('which', [name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    } catch {
      // The next one.
    }
  throw new Error('no Chromium is installed: apt-get install chromium, or set ESPALIER_CHROMIUM to its path')
}
