/** The command on folders that look like an installed TensorFlow and tfjs-node: what it finds, changes and puts back. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findTensorflow } from './link/find-tensorflow.js'
import { findTfjsNode } from './link/find-tfjs-node.js'
import { placeFiles, removeFiles } from './link/placed-files.js'
import { linkTensorflow } from './link-tensorflow.js'

let root = ''
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'espalier-link-')))
})
afterEach(() => rmSync(root, { recursive: true }))

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(root, name, '..'), { recursive: true })
    writeFileSync(join(root, name), text)
  }
}

const wheel = ({ cuda = false } = {}) => ({
  'site/tensorflow/libtensorflow_cc.so.2': '',
  'site/tensorflow/libtensorflow_framework.so.2': '',
  'site/tensorflow/include/tensorflow/c/c_api.h': '',
  'site/tensorflow/include/tensorflow/c/eager/c_api.h': '',
  'site/tensorflow/python/platform/build_info.py': `OrderedDict([('is_cuda_build', ${cuda ? 'True' : 'False'})])`,
  'site/tensorflow-2.21.0.dist-info/METADATA': '',
})

const tfjsNode = (name = 'tfjs-node') => ({
  [`app/node_modules/@tensorflow/${name}/package.json`]: JSON.stringify({
    name: `@tensorflow/${name}`,
    version: '4.22.0',
  }),
  [`app/node_modules/@tensorflow/${name}/binding.gyp`]: '{ "targets": [ this is no gyp file',
})

async function run(
  args: readonly string[],
  { platform = 'linux', onLine = (_: string) => {}, signal = undefined as AbortSignal | undefined } = {},
) {
  const lines: string[] = []
  const print = (line: string) => {
    lines.push(line)
    onLine(line)
  }
  const code = await linkTensorflow(args, { cwd: join(root, 'app'), platform, signal, print })
  return { code, text: lines.join('\n') }
}

function tree(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
}

describe('findTensorflow', () => {
  it('finds a wheel from site-packages and from its own folder, with its version and whether it has CUDA', () => {
    write(wheel({ cuda: true }))
    for (const folder of ['site', 'site/tensorflow'])
      expect(findTensorflow(join(root, folder))).toEqual({
        libraryFolder: join(root, 'site/tensorflow'),
        main: join(root, 'site/tensorflow/libtensorflow_cc.so.2'),
        framework: join(root, 'site/tensorflow/libtensorflow_framework.so.2'),
        include: join(root, 'site/tensorflow/include'),
        version: '2.21.0',
        cuda: true,
      })
  })

  it('finds an unpacked libtensorflow for C', () => {
    write({
      'c/lib/libtensorflow.so.2': '',
      'c/lib/libtensorflow_framework.so.2': '',
      'c/include/tensorflow/c/c_api.h': '',
      'c/include/tensorflow/c/eager/c_api.h': '',
    })
    expect(findTensorflow(join(root, 'c'))).toMatchObject({
      main: join(root, 'c/lib/libtensorflow.so.2'),
      cuda: false,
      version: null,
    })
  })

  it('says what to install where there is no TensorFlow, and where it has no headers', () => {
    expect(() => findTensorflow(root)).toThrow(
      expect.objectContaining({ code: 'backend.missing', fix: expect.stringMatching('pip install tensorflow-cpu') }),
    )
    write(wheel())
    rmSync(join(root, 'site/tensorflow/include'), { recursive: true })
    expect(() => findTensorflow(join(root, 'site'))).toThrow(/without the headers/)
  })
})

describe('findTfjsNode', () => {
  it('takes the GPU package for a TensorFlow with CUDA, and the other one when it is alone', () => {
    write({ ...tfjsNode(), ...tfjsNode('tfjs-node-gpu') })
    const from = join(root, 'app')
    expect(findTfjsNode({ from, cuda: true }).name).toBe('@tensorflow/tfjs-node-gpu')
    expect(findTfjsNode({ from, cuda: false }).name).toBe('@tensorflow/tfjs-node')
    rmSync(join(from, 'node_modules/@tensorflow/tfjs-node-gpu'), { recursive: true })
    expect(findTfjsNode({ from, cuda: true }).name).toBe('@tensorflow/tfjs-node')
  })

  it('says what to install where there is none, and refuses another package', () => {
    write({ 'app/other/package.json': '{ "name": "other", "version": "1.0.0" }' })
    const from = join(root, 'app')
    expect(() => findTfjsNode({ from, cuda: true })).toThrow(/npm install --ignore-scripts @tensorflow\/tfjs-node-gpu/)
    expect(() => findTfjsNode({ from, folder: 'other', cuda: false })).toThrow(
      expect.objectContaining({ code: 'config.value' }),
    )
  })
})

describe('placed files', () => {
  it('stand in for what was there, which comes back', () => {
    const folder = 'app/node_modules/@tensorflow/tfjs-node'
    write({
      ...wheel(),
      ...tfjsNode(),
      [`${folder}/deps/lib/libtensorflow.so.2.9.1`]: 'old',
      [`${folder}/lib/a.node`]: 'old',
    })
    const own = join(root, folder)
    const before = tree(own)
    const changes = placeFiles(own, findTensorflow(join(root, 'site')))
    expect(changes).toContain('set aside deps as deps.before-espalier')
    expect(realpathSync(join(own, 'deps/lib/libtensorflow.so'))).toBe(
      join(root, 'site/tensorflow/libtensorflow_cc.so.2'),
    )
    expect(existsSync(join(own, 'deps/include/tensorflow/c/c_api.h'))).toBe(true)
    expect(removeFiles(own)).toContain('put back lib')
    expect(tree(own)).toEqual(before)
    expect(readFileSync(join(own, 'lib/a.node'), 'utf8')).toBe('old')
    expect(existsSync(join(root, 'site/tensorflow/include/tensorflow/c/c_api.h'))).toBe(true)
  })

  it('that were not all placed are undone just so', () => {
    const folder = 'app/node_modules/@tensorflow/tfjs-node'
    write({ ...tfjsNode(), [`${folder}/deps/a`]: '', [`${folder}/lib/b`]: '' })
    const own = join(root, folder)
    const before = tree(own)
    writeFileSync(join(own, 'espalier-link.json'), JSON.stringify({ tensorflow: '', aside: ['deps', 'lib'] }))
    expect(removeFiles(own)).toEqual([])
    expect(tree(own)).toEqual(before)
  })
})

describe('the command', () => {
  it('puts everything back when the addon does not compile, and says why', async () => {
    write({ ...wheel(), ...tfjsNode(), 'app/node_modules/@tensorflow/tfjs-node/deps/a': '' })
    const before = tree(join(root, 'app'))
    const { code, text } = await run(['--tensorflow', join(root, 'site')])
    expect(code).toBe(1)
    expect(text).toMatch(/TensorFlow 2\.21\.0, CPU/)
    expect(text).toMatch(/It did not work; everything is as it was\./)
    expect(text).toMatch(/could not be compiled.*C\+\+17 compiler/s)
    expect(tree(join(root, 'app'))).toEqual(before)
  })

  it('says what is wrong with a path that node-gyp cannot build in, and with a manifest that holds nothing', async () => {
    write({ ...wheel(), ...tfjsNode(), 'app/none/package.json': 'null' })
    renameSync(join(root, 'app'), join(root, 'my app'))
    const folder = join(root, 'my app/node_modules/@tensorflow/tfjs-node')
    const before = tree(folder)
    mkdirSync(join(root, 'app'))
    const spaced = await run(['--tensorflow', join(root, 'site'), '--package', folder])
    expect(spaced).toMatchObject({ code: 1, text: expect.stringMatching('path has spaces') })
    expect(tree(folder)).toEqual(before)
    const empty = await run(['--tensorflow', join(root, 'site'), '--package', join(root, 'my app/none')])
    expect(empty).toMatchObject({ code: 1, text: expect.stringMatching('no tfjs-node with the sources') })
  })

  it('puts everything back when it is interrupted', async () => {
    write({ ...wheel(), ...tfjsNode(), 'app/node_modules/@tensorflow/tfjs-node/deps/a': '' })
    const before = tree(join(root, 'app'))
    const interrupted = new AbortController()
    const onLine = (line: string) => {
      if (line.startsWith('Compiling')) interrupted.abort()
    }
    const { code, text } = await run(['--tensorflow', join(root, 'site')], { onLine, signal: interrupted.signal })
    expect(code).toBe(130)
    expect(text).toMatch(/everything is as it was\.\ninterrupted$/)
    expect(tree(join(root, 'app'))).toEqual(before)
  })

  it('says what is wrong with a package that cannot be changed, has leftovers, or an unreadable note', async () => {
    const folder = 'app/node_modules/@tensorflow/tfjs-node'
    write({ ...wheel(), ...tfjsNode(), [`${folder}/deps.before-espalier/a`]: '', [`${folder}/deps/b`]: '' })
    const before = tree(join(root, 'app'))
    const left = await run(['--tensorflow', join(root, 'site')])
    expect(left).toMatchObject({ code: 1, text: expect.stringMatching('earlier linking set aside are left') })
    expect(tree(join(root, 'app'))).toEqual(before)
    rmSync(join(root, folder, 'deps.before-espalier'), { recursive: true })
    write({ [`${folder}/espalier-link.json`]: '{' })
    expect(await run(['--undo'])).toMatchObject({
      code: 1,
      text: expect.stringMatching('note of what linking changed'),
    })
    expect(existsSync(join(root, folder, 'deps/b'))).toBe(true)
    rmSync(join(root, folder, 'espalier-link.json'))
    // A file where a folder has to be: root, as which tests may run, can write anywhere else.
    rmSync(join(root, 'site/tensorflow/include'), { recursive: true })
    const tensorflow = { libraryFolder: '', main: '', framework: '', include: '', version: null, cuda: false }
    expect(() => placeFiles(join(root, folder, 'binding.gyp'), tensorflow)).toThrow(
      expect.objectContaining({ code: 'file.write', details: expect.objectContaining({ code: 'ENOTDIR' }) }),
    )
  })

  it('refuses other systems than Linux, unknown options, and an undo of nothing', async () => {
    write({ ...wheel(), ...tfjsNode() })
    expect(await run(['--tensorflow', join(root, 'site')], { platform: 'darwin' })).toMatchObject({
      code: 1,
      text: expect.stringMatching('Linux only'),
    })
    expect(await run(['--tensroflow', 'x'])).toMatchObject({ code: 1, text: expect.stringMatching('--tensroflow') })
    expect(await run(['--undo'])).toMatchObject({ code: 1, text: expect.stringMatching('nothing to undo') })
    expect((await run([])).code).toBe(2)
    expect((await run(['--undo', '--tensorflow', join(root, 'site')])).code).toBe(2)
    expect(await run(['--help'])).toMatchObject({ code: 0, text: expect.stringMatching('--undo') })
  })

  it('leaves a package alone that another process is linking, and takes over when that process is gone', async () => {
    write({ ...wheel(), ...tfjsNode(), 'app/node_modules/@tensorflow/tfjs-node/lib/a.node': 'before' })
    const folder = join(root, 'app/node_modules/@tensorflow/tfjs-node')
    placeFiles(folder, findTensorflow(join(root, 'site')))
    const note = join(folder, 'espalier-link.json')
    const at = (linking: number) =>
      writeFileSync(note, JSON.stringify({ ...JSON.parse(readFileSync(note, 'utf8')), linking }))
    at(process.ppid)
    const before = tree(folder)
    for (const args of [['--tensorflow', join(root, 'site')], ['--undo']]) {
      const { code, text } = await run(args)
      expect(code).toBe(1)
      expect(text).toContain(`another process is linking this package`)
    }
    expect(tree(folder)).toEqual(before)
    expect(() => placeFiles(folder, findTensorflow(join(root, 'site')))).toThrow(
      expect.objectContaining({ code: 'config.value' }),
    )
    expect(tree(folder)).toEqual(before)
    at(2 ** 22 + 1) // above the largest number of a process
    expect((await run(['--undo'])).code).toBe(0)
    expect(tree(folder)).toEqual(['binding.gyp', 'lib', 'lib/a.node', 'package.json'])
  })
})
