/** Runs in a process of its own, `suite.ts PROJECT PACKAGE [REPORTS]`: what a linked tfjs-node is, the suite of backends on it, and a real model's losses. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onnx } from '@espalier/backend-onnx'
import { tfjs } from '@espalier/backend-tfjs'
import type { Backend } from '@espalier/core'
import { backendChecks, failuresOf } from '@espalier/testkit'
import { AutoModelForCausalLM, AutoTokenizer, getPeftModel, lora, SFTTrainer } from 'espalier'
import { type TfjsNodeName, tfOf } from './linked-project.js'

const LOSS_TOLERANCE = 1e-4 // float32 on both sides; 1.5e-5 has been seen
const ROWS = [
  'The two oxen pulled the cart up the hill before it was light.',
  'Nobody had counted the eggs since Sunday.',
]

const [project = '', name = 'tfjs-node', reports] = process.argv.slice(2)
const print = (line: string) => process.stdout.write(`${name}: ${line}\n`)
const tf = tfOf(project, name as TfjsNodeName)
const rows: { readonly run: string; readonly status: 'pass' | 'fail' }[] = []
function note(run: string, problem: string | undefined): void {
  rows.push({ run, status: problem === undefined ? 'pass' : 'fail' })
  if (problem !== undefined) print(`failed: ${run}: ${problem}`)
}

note('registers', tf.getBackend() === 'tensorflow' ? undefined : `the backend in use is ${tf.getBackend()}`)
const { binding, isUsingGpuDevice = false } = tf.engine().backend
print(`backend ${tf.getBackend()}, TensorFlow ${binding.TF_Version}, ${isUsingGpuDevice ? 'on a GPU' : 'on the CPU'}`)

const checks = backendChecks(() => tfjs({ tf }))
const failures = await failuresOf(checks)
const wrong = new Map(failures.map((one) => [one.name, String(one.error)]))
for (const check of checks) note(check.name, wrong.get(check.name))
print(`${checks.length - failures.length} of ${checks.length} checks pass`)

const models = process.env.ESPALIER_MODELS
if (name === 'tfjs-node' && models === undefined) print('not run: losses of SmolLM2-135M (ESPALIER_MODELS is not set)')
else if (name === 'tfjs-node') {
  const folder = join(models as string, 'smollm2-135m-instruct')
  const [expected, found] = [await losses(folder, onnx()), await losses(folder, tfjs({ tf }))]
  const apart = Math.max(...expected.map((loss, i) => Math.abs(loss - (found[i] ?? Number.NaN))))
  print(
    `losses of SmolLM2-135M: ${found.map((loss) => loss.toFixed(5)).join(' ')}, ${apart.toExponential(1)} from onnx`,
  )
  note('losses', apart < LOSS_TOLERANCE ? undefined : `onnx has ${expected.join(' ')}`)
}

const { numTensors } = tf.memory()
note('close', numTensors === 0 ? undefined : `${numTensors} tensors are left`)
if (reports !== undefined) writeFileSync(join(reports, `${name}.json`), JSON.stringify(rows))
process.exitCode = rows.some(({ status }) => status === 'fail') ? 1 : 0

/** Losses of three steps of a LoRA. Closes the backend. */
async function losses(folder: string, backend: Backend): Promise<number[]> {
  const found: number[] = []
  try {
    await using base = await AutoModelForCausalLM.fromPretrained(folder, { backend })
    const trainer = new SFTTrainer({
      model: getPeftModel(base, lora({ r: 8, loraAlpha: 16, targetModules: ['q_proj', 'v_proj'] })),
      tokenizer: await AutoTokenizer.fromPretrained(folder),
      trainDataset: ROWS.map((text) => ({ text })),
      args: { maxSteps: 3, perDeviceTrainBatchSize: 2, learningRate: 1e-3 },
    })
    for await (const event of trainer.train()) if (event.type === 'step') found.push(event.loss)
  } finally {
    await backend.close()
  }
  return found
}
