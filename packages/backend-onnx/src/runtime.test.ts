import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeModel } from './model/onnx-model.js'
import { findNative, findWasm, platformPackage } from './runtime.mjs'

const own = createRequire(import.meta.url)
const official = dirname(own.resolve('onnxruntime-node/package.json'))
const common = own.resolve('onnxruntime-common').replace(/(?<=onnxruntime-common).*/s, '')
const platform = platformPackage()

let project: string
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'espalier-runtime-'))
})
afterEach(() => rmSync(project, { recursive: true, force: true }))

function install(name: string, manifest: object): string {
  const folder = join(project, 'node_modules', name)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, ...manifest }))
  return folder
}

const find = () => findNative(createRequire(join(project, 'index.js')))

describe('the native library', () => {
  it('is that of onnxruntime-node where it is installed', () => {
    const folder = install('onnxruntime-node', { version: '1.30.2' })
    install(platform, { version: '1.30.0' })
    expect(find()).toEqual({ name: 'onnxruntime-node', version: '1.30.2', folder })
  })

  it.each(['1.21.0', '1.29.9', '2.0.0'])(
    'is not that of onnxruntime-node %s, which another package wanted',
    (version) => {
      install('onnxruntime-node', { version })
      const folder = install(platform, { version: '1.30.0' })
      expect(find()).toEqual({ name: platform, version: '1.30.0', folder })
    },
  )

  it('is none where neither is installed, and the WebAssembly form is told apart', () => {
    install('onnxruntime-web', { version: '1.30.0' })
    expect(find()).toBeUndefined()
    expect(findWasm(createRequire(join(project, 'index.js')))).toMatchObject({ name: 'onnxruntime-web' })
  })
})

describe('the package for this platform', () => {
  it("computes as onnxruntime-node does, from its files and onnxruntime-common's", { timeout: 60_000 }, async () => {
    const folder = install(platform, { version: '1.30.0', main: 'onnxruntime_binding.node' })
    cpSync(join(official, 'bin/napi-v6', process.platform, process.arch), folder, { recursive: true })
    symlinkSync(common, join(project, 'node_modules/onnxruntime-common'))
    cpSync(fileURLToPath(new URL('./runtime.mjs', import.meta.url)), join(project, 'runtime.mjs'))
    writeFileSync(join(project, 'model.onnx'), addition())
    writeFileSync(join(project, 'main.mjs'), PROGRAM)
    const env = { ...process.env, ORT_DISABLE_TELEMETRY: '1' }
    const answer = JSON.parse(execFileSync(process.execPath, ['main.mjs'], { cwd: project, env, encoding: 'utf8' }))
    expect(answer).toEqual({ name: platform, sum: [11, 22], refused: true })
  })
})

const PROGRAM = `
import { readFile } from 'node:fs/promises'
import { findNative, loadNative } from './runtime.mjs'
const ort = await loadNative()
const session = await ort.InferenceSession.create(new Uint8Array(await readFile(new URL('./model.onnx', import.meta.url))))
const tensor = (values) => new ort.Tensor('float32', values, [2])
const { c } = await session.run({ a: tensor([1, 2]), b: tensor([10, 20]) })
const refused = await ort.InferenceSession.create(new Uint8Array([1, 2, 3])).then(() => false, () => true)
await session.release()
console.log(JSON.stringify({ name: findNative().name, sum: [...c.data], refused }))
`

/** c = a + b for two floats each. */
function addition(): Uint8Array {
  const value = (name: string) => ({ name, type: 'f32', shape: [2] }) as const
  return encodeModel({
    name: 'addition',
    nodes: [{ op: 'Add', domain: '', inputs: ['a', 'b'], outputs: ['c'], attributes: {}, name: 'add#0' }],
    inputs: [value('a'), value('b')],
    outputs: [value('c')],
    initializers: [],
  })
}
