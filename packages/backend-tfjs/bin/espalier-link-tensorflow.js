#!/usr/bin/env node
import { linkTensorflow } from '../dist/link-tensorflow.js'

const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => interrupted.abort())
process.exitCode = await linkTensorflow(process.argv.slice(2), {
  cwd: process.cwd(),
  platform: process.platform,
  signal: interrupted.signal,
  print: (line) => process.stdout.write(`${line}\n`),
})
