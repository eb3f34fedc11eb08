/** A user's project in an empty folder: packed packages and whatever else it asks for, installed as a user does: install scripts would run. */
import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** What a project is made of. */
export interface ProjectParts {
  readonly name: string
  /** Folders of the packages that it depends on, from the root of the repository. */
  readonly packages: readonly string[]
  /** Tarballs of further packages, packed already. */
  readonly tarballs?: Readonly<Record<string, string>>
  /** Other dependencies with their versions. */
  readonly others?: Readonly<Record<string, string>>
  /** The text of its program, a TypeScript module. */
  readonly program: string
  /** Whether declarations of other packages are left unchecked. */
  readonly skipLibCheck?: boolean
}

/** What npm's own lockfile says of an installed package. */
export interface InstallRecord {
  readonly resolved?: string
  readonly hasInstallScript?: boolean
  readonly dev?: boolean
}

/** An installed project, with what failed in it. */
export class OutsideProject {
  readonly folder: string
  readonly failures: string[] = []

  constructor(private readonly parts: ProjectParts) {
    this.folder = mkdtempSync(join(tmpdir(), `espalier-outside-${parts.name}-`))
    writeFileSync(this.at('package.json'), JSON.stringify({ name: 'outside', private: true, ...this.dependencies() }))
    writeFileSync(this.at('tsconfig.json'), JSON.stringify(tsconfig(parts.skipLibCheck === true)))
    writeFileSync(this.at('train.mts'), parts.program)
    copyFileSync(this.at('train.mts'), this.at('train.cts'))
    this.run('install', 'npm', ['install', '--no-audit', '--no-fund', '--silent'])
  }

  private at(name: string): string {
    return join(this.folder, name)
  }

  private dependencies() {
    mkdirSync(this.at('tarballs'))
    const packed = this.parts.packages.map((folder) => {
      const { name } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as { name: string }
      const file = execFileSync('npm', ['pack', '--silent', '--pack-destination', this.at('tarballs')], {
        cwd: join(root, folder),
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      return [name, `file:tarballs/${file.trim()}`]
    })
    return {
      dependencies: { ...Object.fromEntries(packed), ...this.parts.tarballs, ...this.parts.others },
      devDependencies: { '@types/node': '20.19.43' },
    }
  }

  get name(): string {
    return this.parts.name
  }

  /** Runs a command in the folder and prints its last line. */
  run(what: string, command: string, commandArguments: readonly string[]): string {
    const output = execFileSync(command, commandArguments, {
      cwd: this.folder,
      encoding: 'utf8',
      env: { ...process.env, NODE_PATH: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    process.stdout.write(`${this.parts.name}: ${what}: ${output.trim().split('\n').at(-1)}\n`)
    return output
  }

  /** Does the work; an error is noted and printed. */
  attempt(what: string, work: () => void): void {
    try {
      work()
    } catch (error) {
      this.failures.push(`${this.parts.name}: ${what}`)
      const { stderr = '', stdout = '' } = error as { stderr?: string; stdout?: string }
      process.stdout.write(`${this.parts.name}: ${what}: failed\n${String(stdout || stderr || error)}\n`)
    }
  }

  /** Compiles the program as either kind of module and checks every declaration that it reaches, with these options over the usual ones. */
  compile(what: string, options: Readonly<Record<string, unknown>>): void {
    const { include, compilerOptions } = tsconfig(false)
    writeFileSync(
      this.at('tsconfig.strict.json'),
      JSON.stringify({ include, compilerOptions: { ...compilerOptions, noEmit: true, ...options } }),
    )
    this.attempt(what, () =>
      this.run(what, process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.strict.json']),
    )
  }

  /** Runs the program as TypeScript compiled to either kind of module, and as plain JavaScript of either kind. */
  runEverywhere(): void {
    this.attempt('TypeScript, as ESM and CommonJS', () =>
      this.run('types', process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.']),
    )
    this.runFiles({
      'TypeScript to ESM': 'compiled/train.mjs',
      'TypeScript to CommonJS': 'compiled/train.cjs',
      ESM: this.built('plain.mjs', 'external'),
      CommonJS: this.built('plain.cjs', 'external'),
    })
  }

  /** Runs the program bundled with all its packages, as either kind of module. */
  runBundled(): void {
    this.runFiles({
      'bundle of all, ESM': this.built('bundled/all.mjs', 'bundle'),
      'bundle of all, CommonJS': this.built('bundled/all.cjs', 'bundle'),
    })
  }

  private runFiles(programs: Readonly<Record<string, string>>): void {
    for (const [what, file] of Object.entries(programs))
      this.attempt(what, () => this.run(what, process.execPath, [file]))
  }

  /** The program as one JavaScript file, with or without the packages that it imports; the file's path below the folder. */
  built(outfile: string, packages: 'bundle' | 'external'): string {
    buildSync({
      entryPoints: [this.at('train.mts')],
      outfile: this.at(outfile),
      platform: 'node',
      format: outfile.endsWith('.mjs') ? 'esm' : 'cjs',
      packages,
      bundle: true,
      logLevel: 'silent',
      tsconfigRaw: {},
    })
    return outfile
  }

  /** Names of what is installed. */
  get installed(): string[] {
    return readdirSync(this.at('node_modules'))
  }

  /** What npm recorded of each installed package, by its path below node_modules. */
  get records(): ReadonlyMap<string, InstallRecord> {
    const { packages } = JSON.parse(readFileSync(this.at('node_modules/.package-lock.json'), 'utf8')) as {
      packages: Readonly<Record<string, InstallRecord>>
    }
    return new Map(Object.entries(packages))
  }

  /** Bytes of the files of an installed package, or of all. */
  bytesOf(path = 'node_modules'): number {
    return readdirSync(this.at(path), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0)
  }

  /** Removes the folder. */
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function tsconfig(skipLibCheck: boolean) {
  return {
    compilerOptions: {
      module: 'nodenext',
      target: 'es2022',
      strict: true,
      types: ['node'],
      outDir: 'compiled',
      lib: ['ES2022', 'ESNext.Disposable', 'DOM', 'DOM.AsyncIterable'],
      skipLibCheck,
    },
    include: ['train.mts', 'train.cts'],
  }
}
