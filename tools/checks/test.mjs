/**
 * `npm test`: everything a change must pass, from a bare clone on. Later steps need what earlier ones make; the first failure ends it.
 * Arguments go to vitest.
 */
import { build, ensureInstall, run } from './steps.mjs'

ensureInstall()
build()
run('types', 'npm', ['run', '--silent', 'typecheck'])
run('lint', 'npm', ['run', '--silent', 'lint'])
run('imports', 'npm', ['run', '--silent', 'check:graph'])
run('files', 'npm', ['run', '--silent', 'check:files'])
run('documentation', 'npm', ['run', '--silent', 'check:docs'])
run('tests', 'npm', ['run', '--silent', 'test:unit', '--', ...process.argv.slice(2)])
run('packages', 'npm', ['run', '--silent', 'check:packages'])
process.stderr.write('\nEverything passed.\n')
