/** Every core op and named call, forward and gradient, on a backend and on the reference executor. */
import { type Backend, type DType, type HostTensor, isFloat, toFloat64 } from '@espalier/core'
import { callCases } from '../cases/calls.js'
import { elementwiseCases } from '../cases/elementwise.js'
import { castCases, integerCases, storageCases } from '../cases/integers.js'
import { movementCases } from '../cases/movement.js'
import { namedCallCases } from '../cases/named-calls.js'
import { emptyCases, largeCases, matmulCases, reduceCases } from '../cases/products.js'
import { type Check, expectThat } from '../check.js'
import { gradientTolerance } from '../check-gradients.js'
import { EXACT, expectClose } from '../compare.js'
import { caseProgram, type GraphCase } from '../graph-case.js'

/** What parity needs to know. */
export interface ParityOptions {
  readonly relative?: Partial<Record<'f32' | 'f16' | 'f64', number>>
  readonly storage?: readonly DType[]
}

// Allowed difference relative to the largest magnitude of a result.
const ALLOWED = {
  f32: 3e-5, // sums of up to 131 terms, and functions that kernels approximate to some 1e-6
  f16: 2e-2, // 2^-11 at each of up to 40 ops in a row
  f64: 1e-10,
}

/** What is checked: on one float dtype, or ('whole') on integers, bool, casts and large shapes. */
export type ParityGroup = 'f32' | 'f16' | 'f64' | 'whole'

/** The cases of a group, by what they are about. */
export function parityCases(
  group: ParityGroup,
  storage: readonly DType[] = [],
): readonly (readonly [string, readonly GraphCase[]])[] {
  if (group === 'whole') {
    return [
      ['whole numbers', integerCases()],
      ['casts', castCases()],
      ['storage', storage.flatMap(storageCases)],
      ['large', largeCases('f32')],
    ]
  }
  return [
    [`${group} element-wise`, elementwiseCases(group)],
    [`${group} movement`, movementCases(group)],
    [`${group} matmul`, matmulCases(group)],
    [`${group} reduce`, reduceCases(group)],
    [`${group} empty`, emptyCases(group)],
    [`${group} calls`, [...callCases(group), ...namedCallCases(group)]],
  ]
}

/** Checks of a group's cases. */
export function parityChecks(
  backend: () => Promise<Backend>,
  judge: Backend,
  group: ParityGroup,
  options: ParityOptions,
): Check[] {
  const allowed = { ...ALLOWED, ...options.relative }
  return parityCases(group, options.storage).flatMap(([about, cases]) =>
    cases.map((one) => ({
      name: `${about}: ${one.name}`,
      run: async () => compareWithJudge(await backend(), judge, one, allowed),
    })),
  )
}

/** Throws testkit.difference when the backend's results or gradients of a case are not the judge's. `relative`: see ALLOWED. */
export async function compareWithJudge(
  backend: Backend,
  judge: Backend,
  graphCase: GraphCase,
  relative: Readonly<Partial<Record<DType, number>>> = ALLOWED,
): Promise<void> {
  const program = caseProgram(graphCase)
  const executable = await backend.compile(program)
  try {
    const got = await executable.run({ feeds: graphCase.feeds })
    const want = await (await judge.compile(program)).run({ feeds: graphCase.feeds })
    for (const [name, tensor] of Object.entries(want)) {
      // NaN equals NaN in a comparison, and would hide everything where nobody wants it.
      const wanted = graphCase.hasNaN === true || !toFloat64(tensor).some(Number.isNaN)
      expectThat(wanted, 'a case gives NaN', { case: graphCase.name, result: name })
      expectClose(got[name], tensor, toleranceOf(name, tensor), `${name} of "${graphCase.name}"`)
    }
  } finally {
    executable.release()
  }

  function toleranceOf(name: string, want: HostTensor) {
    if (!isFloat(want.dtype)) return EXACT
    return (
      (name.startsWith('y') ? graphCase.tolerance : undefined) ??
      gradientTolerance(want, relative[want.dtype] ?? ALLOWED.f32)
    )
  }
}
