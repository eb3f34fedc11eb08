import { expect, it } from 'vitest'
import { torchUniform } from './torch-uniform.js'

it('draws what PyTorch draws, one tensor after the other, also past the first 624 words', () => {
  // torch 2.13: g = torch.Generator().manual_seed(7); torch.empty(700).uniform_(-0.5, 0.5, generator=g), then 3 of (-0.3, 0.3)
  const draw = torchUniform(7)
  const first = draw(700, 0.5)
  expect([...first.subarray(0, 3)]).toEqual([0.03492254018783569, -0.301196813583374, 0.15921169519424438])
  expect([...first.subarray(698)]).toEqual([0.07731074094772339, 0.20183759927749634])
  expect([...draw(3, 0.3)]).toEqual([0.063337542116642, -0.02587827481329441, -0.1576681137084961])
})
