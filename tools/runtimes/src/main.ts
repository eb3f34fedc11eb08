/** `npm run runtimes -- FOLDER [linux-x64 ...]`: tarballs of the packages with ONNX Runtime's native library, ready for `npm publish`. */
import { platforms } from '../platforms.mjs'
import { packRuntimes } from './runtime-packages.js'

const [folder, ...names] = process.argv.slice(2)
const wanted = platforms.filter((platform) => names.length === 0 || names.includes(platform.join('-')))
const usage = `usage: npm run runtimes -- FOLDER [${platforms.map((one) => one.join('-')).join(' ')}]\n`
if (process.argv.includes('--help') || process.argv.includes('-h')) process.stdout.write(usage)
else if (folder === undefined || folder.startsWith('-') || wanted.length === 0) {
  process.stderr.write(usage)
  process.exitCode = 2
} else for (const tarball of packRuntimes(folder, wanted)) process.stdout.write(`${tarball}\n`)
