/** `npm start -w @espalier-examples/swap-backends`: trains the same adapter on every backend, the model moved from one to the next, and prints a table. */
import { backends } from './backends.js'
import { loadBase, train } from './train.js'

const [first, ...others] = Object.entries(backends)
if (first === undefined) throw new Error('no backend is listed')
await using base = await loadBase(await first[1]())
const print = (line: string) => process.stdout.write(`${line}\n`)
print(`${'backend'.padEnd(14)}${'step ms'.padStart(9)}  losses`)
const row = (name: string, { losses, stepMilliseconds, answer }: Awaited<ReturnType<typeof train>>) =>
  print(
    `${name.padEnd(14)}${stepMilliseconds.toFixed(0).padStart(9)}  ${losses.map((loss) => loss.toFixed(6)).join(' ')}  ${JSON.stringify(answer)}`,
  )

row(first[0], await train(base))
for (const [name, open] of others) {
  await using moved = await base.to(await open())
  row(name, await train(moved))
}
