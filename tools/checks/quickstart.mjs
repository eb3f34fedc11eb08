/** `npm run quickstart`: installs, builds and runs the demonstration; arguments go to it. */
import { build, ensureInstall, run } from './steps.mjs'

ensureInstall()
build()
run('quickstart', process.execPath, ['packages/espalier/dist/cli.js', 'quickstart', ...process.argv.slice(2)])
