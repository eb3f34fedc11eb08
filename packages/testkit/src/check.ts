/** Named checks: what a suite is made of, and how they become tests of any runner. */
import { type ErrorCode, EspalierError } from '@espalier/core'

/** One check: passes when `run` resolves. */
export interface Check {
  readonly name: string
  run(): Promise<void>
}

/** Checks that are not run, and why. A pattern is a whole name, or a regular expression that is searched in names. */
export interface Skip {
  readonly reason: string
  readonly cases: readonly (string | RegExp)[]
}

/** A test runner's function that registers a test, such as `test` of vitest or node:test; with `skip` where the runner has it. */
export interface TestFunction {
  (name: string, run: () => Promise<void>): unknown
  readonly skip?: (name: string, run: () => Promise<void>) => unknown
}

/** A check that failed, with its error. */
export interface Failure {
  readonly name: string
  readonly error: unknown
}

/** Registers each check as a test; skipped ones with their reason in the name. Throws testkit.options when a skip matches no check. */
export function register(checks: readonly Check[], test: TestFunction, skips: readonly Skip[] = []): void {
  const unused = skips.flatMap(({ reason, cases }) =>
    cases
      .filter((pattern) => !checks.some(({ name }) => matches(name, pattern)))
      .map((pattern) => `${pattern} (${reason})`),
  )
  if (unused.length > 0) {
    throw new EspalierError('testkit.options', { what: 'a skip names no case', got: { unused } })
  }
  for (const { name, run } of checks) {
    const skip = skips.find(({ cases }) => cases.some((pattern) => matches(name, pattern)))
    if (skip === undefined) test(name, run)
    else test.skip?.(`${name} (not run: ${skip.reason})`, run)
  }
}

/** Runs checks one after another without a test runner; the failures. */
export async function failuresOf(checks: readonly Check[]): Promise<Failure[]> {
  const failures: Failure[] = []
  for (const { name, run } of checks) {
    try {
      await run()
    } catch (error) {
      failures.push({ name, error })
    }
  }
  return failures
}

/** Throws testkit.difference unless the action fails with an EspalierError of this code. */
export async function expectError(code: ErrorCode, what: string, action: () => Promise<unknown>): Promise<void> {
  try {
    await action()
  } catch (error) {
    if (EspalierError.isInstance(error) && error.code === code) return
    throw new EspalierError('testkit.difference', {
      what: 'another error was thrown than wanted',
      got: { action: what, want: code, error: String(error) },
      cause: error,
    })
  }
  throw new EspalierError('testkit.difference', { what: 'no error was thrown', got: { action: what, want: code } })
}

/** Throws testkit.difference, with the values, unless the condition holds. */
export function expectThat(condition: boolean, what: string, got: Readonly<Record<string, unknown>> = {}): void {
  if (!condition) throw new EspalierError('testkit.difference', { what, got })
}

function matches(name: string, pattern: string | RegExp): boolean {
  return typeof pattern === 'string' ? name === pattern : pattern.test(name)
}
