/** Why a template ends without text: what Python would raise, and what this interpreter refuses. Typed errors for users are made in render-chat.ts. */

/** The exceptions of Python and Jinja2 that a template can end with. */
export type ExceptionName =
  | 'TypeError'
  | 'ValueError'
  | 'KeyError'
  | 'IndexError'
  | 'AttributeError'
  | 'ZeroDivisionError'
  | 'OverflowError'
  | 'RuntimeError'
  | 'AssertionError'
  | 'UndefinedError'
  | 'SecurityError'
  | 'TemplateError'
  | 'TemplateRuntimeError'
  | 'TemplateSyntaxError'
  | 'FilterArgumentError'

/** An exception that Python would raise too. line: of the template, where it is known already. */
export class Raised extends Error {
  constructor(
    readonly exception: ExceptionName,
    message: string,
    readonly line?: number,
  ) {
    super(message)
  }
}

/** What Python would do and this does not, on purpose: a part that is left out, or a budget that is used up. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly line?: number,
  ) {
    super(message)
  }
}

/** The result, or the fallback where Python raises one of these. */
export function attempt<T>(inner: () => T, exceptions: readonly ExceptionName[], fallback: () => T): T {
  try {
    return inner()
  } catch (error) {
    if (error instanceof Raised && exceptions.includes(error.exception)) return fallback()
    throw error
  }
}

/** Throws Python's TypeError. */
export function typeError(message: string): never {
  throw new Raised('TypeError', message)
}

/** Throws Python's ValueError. */
export function valueError(message: string): never {
  throw new Raised('ValueError', message)
}
