/** Unpacks data of the Unix program `compress` with gzip, which every Debian machine has; Node's zlib does not know the format. */
import { spawn } from 'node:child_process'

const HEADER = Buffer.from([0x1f, 0x9d, 0x90]) // magic number; codes of up to 16 bits that restart when the table is full

/** The text of a compressed block whose header was left out. */
export function gunzipLzw(block: Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const gzip = spawn('gzip', ['-dc'], { stdio: ['pipe', 'pipe', 'inherit'] })
    const parts: Buffer[] = []
    gzip.stdout.on('data', (part: Buffer) => parts.push(part))
    gzip.on('error', reject)
    gzip.on('close', (code) =>
      code === 0 ? resolve(Buffer.concat(parts).toString('latin1')) : reject(new Error(`gzip ended with ${code}`)),
    )
    gzip.stdin.end(Buffer.concat([HEADER, block]))
  })
}
