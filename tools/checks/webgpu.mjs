/**
 * `npm run check:webgpu`: the suite of backends, a lost device, and what a process does with one, on the WebGPU adapter that is here; without
 * one it fails. Software is enough: Mesa's lavapipe, which takes two minutes and keeps its compiled shaders. Arguments go to vitest.
 */
import { ensureInstall, runTests } from './steps.mjs'

ensureInstall()
process.env.ESPALIER_WEBGPU = '1'
runTests('webgpu', ['packages/backend-webgpu'])
