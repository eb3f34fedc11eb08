/** `strftime` in the C locale, for `strftime_now`. */
import { Refused } from '../errors.js'

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]
const SHORT = 3 // letters of a short name
const DAY_MS = 86_400_000

/** The time, of the computer's zone, by a format. Throws Refused for a directive that it does not have. */
export function strftime(format: string, now: Date): string {
  return format.replace(/%([-_0^]?)([a-zA-Z%])/g, (whole, flag: string, directive: string) => {
    const padded = (value: number, width: number, fill = '0') =>
      flag === '-' ? String(value) : String(value).padStart(width, flag === '_' ? ' ' : fill)
    const text = directiveText(directive, now, padded)
    if (text === undefined) throw new Refused(`strftime_now does not know ${whole}`)
    return flag === '^' ? text.toUpperCase() : text
  })
}

function directiveText(
  directive: string,
  now: Date,
  padded: (value: number, width: number, fill?: string) => string,
): string | undefined {
  const hour12 = now.getHours() % 12 || 12
  const inner = (format: string) => strftime(format, now)
  const texts: Readonly<Record<string, () => string>> = {
    a: () => (DAYS[now.getDay()] ?? '').slice(0, SHORT),
    A: () => DAYS[now.getDay()] ?? '',
    b: () => (MONTHS[now.getMonth()] ?? '').slice(0, SHORT),
    h: () => (MONTHS[now.getMonth()] ?? '').slice(0, SHORT),
    B: () => MONTHS[now.getMonth()] ?? '',
    d: () => padded(now.getDate(), 2),
    e: () => padded(now.getDate(), 2, ' '),
    m: () => padded(now.getMonth() + 1, 2),
    y: () => padded(now.getFullYear() % 100, 2),
    Y: () => padded(now.getFullYear(), 1),
    H: () => padded(now.getHours(), 2),
    I: () => padded(hour12, 2),
    M: () => padded(now.getMinutes(), 2),
    S: () => padded(now.getSeconds(), 2),
    f: () => String(now.getMilliseconds() * 1000).padStart(6, '0'),
    p: () => (now.getHours() < 12 ? 'AM' : 'PM'),
    j: () => padded(dayOfYear(now), 3),
    w: () => String(now.getDay()),
    u: () => String(now.getDay() || 7),
    z: () => '',
    Z: () => '',
    D: () => inner('%m/%d/%y'),
    x: () => inner('%m/%d/%y'),
    F: () => inner('%Y-%m-%d'),
    T: () => inner('%H:%M:%S'),
    X: () => inner('%H:%M:%S'),
    R: () => inner('%H:%M'),
    c: () => inner('%a %b %e %H:%M:%S %Y'),
    n: () => '\n',
    t: () => '\t',
    '%': () => '%',
  }
  return texts[directive]?.()
}

function dayOfYear(now: Date): number {
  const start = Date.UTC(now.getFullYear(), 0, 1)
  return Math.floor((Date.UTC(now.getFullYear(), now.getMonth(), now.getDate()) - start) / DAY_MS) + 1
}
