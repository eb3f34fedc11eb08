/** Whether a process runs. */

/** Whether the system knows a process of this id. */
export function runs(pid: number): boolean {
  return signalled(pid) !== 'ESRCH'
}

/** Whether it is a process of this user, of which the system hides nothing; one that is gone is asked about no more. */
export function isOurs(pid: number): boolean {
  return signalled(pid) !== 'EPERM'
}

function signalled(pid: number): string | undefined {
  try {
    process.kill(pid, 0)
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code
  }
}
