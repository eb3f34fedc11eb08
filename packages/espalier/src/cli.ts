#!/usr/bin/env node
/** The command line's entry: runs a command and ends with its exit code. */
import { main } from './cli/main.js'
import { flushed, quietPipes } from './cli/terminal.js'

async function run(): Promise<void> {
  quietPipes()
  const code = await main(process.argv.slice(2))
  await flushed()
  process.exitCode = code
}

void run()
