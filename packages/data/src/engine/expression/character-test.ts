/** Whether a character is in a class, remembered. */

/** Takes a code point. */
export type CharacterTest = (code: number) => boolean

const tests = new Map<string, CharacterTest>()

/** Whether a character is in a class; each character is asked of JavaScript's engine once. */
export function testOf(source: string): CharacterTest {
  const known = tests.get(source)
  if (known !== undefined) return known
  const class_ = new RegExp(`^${source}$`, 'v')
  const basic = new Uint8Array(0x10000) // 0: not asked yet, 1: no, 2: yes
  const ask = (code: number) => class_.test(String.fromCodePoint(code))
  const test = (code: number): boolean => {
    if (code > 0xffff) return ask(code)
    const answer = basic[code] as number
    if (answer > 0) return answer === 2
    const isIn = ask(code)
    basic[code] = isIn ? 2 : 1
    return isIn
  }
  tests.set(source, test)
  return test
}
