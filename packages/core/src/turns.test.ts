import { expect, it } from 'vitest'
import { turns } from './turns.js'

it('lets timers in between pieces of long work, and not between short ones', async () => {
  const ran: string[] = []
  setTimeout(() => ran.push('timer'))
  const rest = turns()
  await rest()
  ran.push('short')
  const began = performance.now()
  while (performance.now() - began < 60) Math.sqrt(2)
  await rest()
  ran.push('long')
  expect(ran).toEqual(['short', 'timer', 'long'])
})
