/** When a process started: with its id it names one process, since ids are used again; and which start of the machine that was in. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { uptime } from 'node:os'
import { promisify } from 'node:util'

/** In the system's own words, equal for the same process whenever it is asked. Undefined where there is no such process, where it has ended and its parent has not asked how, or where it cannot be known, as on Windows. */
export async function processStart(pid: number): Promise<string | undefined> {
  try {
    if (process.platform === 'linux') return startTicks(await readFile(`/proc/${pid}/stat`, 'utf8'))
    if (process.platform === 'win32') return undefined
    const { stdout } = await promisify(execFile)('ps', ['-o', 'state=,lstart=', '-p', String(pid)], {
      env: { LC_ALL: 'C', TZ: 'UTC' }, // it prints local time, which changes
    })
    const [state = '', ...started] = stdout.trim().split(/\s+/)
    return started.length === 0 || hasEnded(state) ? undefined : started.join(' ')
  } catch {
    return undefined
  }
}

/** When a process started by this machine's clock, in milliseconds since 1970, to about a second. Undefined where that cannot be known. */
export async function startTime(pid: number): Promise<number | undefined> {
  const start = await processStart(pid)
  if (start === undefined) return undefined
  const time =
    process.platform === 'linux'
      ? Date.now() - uptime() * SECOND_MS + (Number(start) / TICKS_PER_SECOND) * SECOND_MS
      : Date.parse(`${start} UTC`)
  return Number.isNaN(time) ? undefined : time
}

const SECOND_MS = 1000
const TICKS_PER_SECOND = 100 // USER_HZ of every architecture that Node runs on

/** What names the time from one start of the machine to the next, whatever its clock says. Undefined where the system has no such name, as on Windows. */
export async function bootId(): Promise<string | undefined> {
  try {
    if (process.platform === 'linux') return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
    if (process.platform !== 'darwin') return undefined
    const { stdout } = await promisify(execFile)('sysctl', ['-n', 'kern.bootsessionuuid'])
    return stdout.trim() === '' ? undefined : stdout.trim()
  } catch {
    return undefined
  }
}

// Fields 3 and 22 of proc(5), since the machine's start. The second one, a name in parentheses, may hold spaces and parentheses.
function startTicks(stat: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return hasEnded(fields[0] ?? '') ? undefined : fields[19]
}

function hasEnded(state: string): boolean {
  return /^[ZX]/.test(state)
}
