#!/usr/bin/env node
/** The command line's entry: runs a command and ends with its exit code. */
import { main } from './cli/main.js'
import { flushed, quietPipes, resultsLost } from './cli/terminal.js'

quietPipes()
// Not awaited: the CommonJS form of this file may not wait at its top level.
void main(process.argv.slice(2)).then(async (code) => {
  await flushed()
  process.exitCode = code === 0 && resultsLost() ? 1 : code
})
