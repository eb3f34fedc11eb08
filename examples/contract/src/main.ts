/** Runs the contract on a folder of the tiny model and ends without being told to. */
import { join } from 'node:path'
import { contract } from './contract.js'

const [folder = '.'] = process.argv.slice(2)
const { trainable, globalStep, plan } = await contract({
  model: folder,
  train: join(folder, 'train.jsonl'),
  outputDir: join(folder, 'out'),
  adapter: join(folder, 'adapter'),
  signal: new AbortController().signal,
  onProgress: () => {},
  write: () => {},
})
process.stdout.write(`${trainable}\nstep ${globalStep} of ${plan.totalSteps}\n`)
