/** A user's program over the umbrella package alone: opens the model that the package brings and generates a few tokens. */
import { AutoModelForCausalLM, type Backend } from 'espalier'

async function main(): Promise<void> {
  const model = await AutoModelForCausalLM.fromPretrained('./node_modules/espalier/assets/quickstart/base')
  const backend: Backend = model.backend
  const { text } = await model.generate({ prompt: 'Today is', maxNewTokens: 4, doSample: false })
  await model.close()
  if (text.length === 0) throw new Error('nothing was generated')
  process.stdout.write(`generated on ${backend.name}: ${JSON.stringify(text)}\n`)
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`)
  process.exitCode = 1
})
