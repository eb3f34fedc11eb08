#!/usr/bin/env node
/** The command line; its commands are not written yet. */
process.stderr.write('error: no commands yet\n')
process.exitCode = 2
