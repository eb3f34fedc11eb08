/** `npm run check:kills`: installs, builds, and kills short runs of the built command at 200 moments; what lies in their folders must be so. Arguments go to vitest. */
import { build, ensureInstall, run } from './steps.mjs'

ensureInstall()
build()
process.env.ESPALIER_KILLS ??= '200'
run('kills', process.execPath, [
  'node_modules/vitest/vitest.mjs',
  'run',
  'packages/espalier/src/cli/train-kills.test.ts',
])
