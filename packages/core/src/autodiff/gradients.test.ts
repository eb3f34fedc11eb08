/** Every gradient rule against central differences in float64, with the testkit's cases; and what `gradients` promises beyond the rules. */
import {
  callCases,
  checkGradients,
  elementwiseCases,
  emptyCases,
  matmulCases,
  movementCases,
  namedCallCases,
  reduceCases,
  secondOrderCases,
} from '@espalier/testkit'
import { describe, it } from 'vitest'

const suites = {
  namedCallCases,
  elementwiseCases,
  movementCases,
  matmulCases,
  reduceCases,
  emptyCases,
  callCases,
  secondOrderCases,
}

for (const [name, cases] of Object.entries(suites)) {
  describe(`gradients: ${name}`, () => {
    for (const one of cases('f64')) it(`${one.name} agrees with central differences`, () => checkGradients(one))
  })
}
