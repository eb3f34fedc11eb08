/**
 * `npm run check:kills`: installs, builds, and kills short runs of the built command at 200 moments; what lies in their folders must be so.
 * 24 runs more are killed twice and must end as the unbroken one; ESPALIER_RESUMES=100 takes ten minutes, and ESPALIER_RESUMES_MODEL names
 * another model than the tiny one. 2,400 checkpoints are changed, and none may lead to another run unsaid. Power is lost nine times after each
 * operation of a run that touches its folder, and its disk is full from each write on. Arguments go to vitest.
 */
import { build, ensureInstall, runTests } from './steps.mjs'

ensureInstall()
build()
process.env.ESPALIER_KILLS ??= '200'
process.env.ESPALIER_RESUMES ??= '24'
process.env.ESPALIER_MUTATIONS ??= '2400'
process.env.ESPALIER_LOSSES ??= '8'
runTests('kills', [
  'packages/espalier/src/cli/train-kills.test.ts',
  'packages/espalier/src/cli/resume-kills.test.ts',
  'packages/espalier/src/checkpoint/hostile-checkpoints.test.ts',
  'packages/espalier/src/training/power-loss.test.ts',
  'packages/espalier/src/training/disk-full.test.ts',
])
