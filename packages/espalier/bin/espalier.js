#!/usr/bin/env node
// A file of its own, since npm links a command when it installs, and dist exists only after a build.
import '../dist/cli.js'
