/** `npm run check:kills`: installs, builds, and kills short runs of the built command at 200 moments; what lies in their folders must be so, and 100 of them that go on must end as the unbroken one. Arguments go to vitest. */
import { build, ensureInstall, run } from './steps.mjs'

ensureInstall()
build()
process.env.ESPALIER_KILLS ??= '200'
process.env.ESPALIER_RESUMES ??= '100'
run('kills', process.execPath, [
  'node_modules/vitest/vitest.mjs',
  'run',
  'packages/espalier/src/cli/train-kills.test.ts',
  'packages/espalier/src/cli/resume-kills.test.ts',
])
