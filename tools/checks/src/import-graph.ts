/** Reads the imports of source files. It resolves them within the repository and leaves judging them to graph-rules.ts. */
import ts from 'typescript'

/** One import: what is written, and whether only types come through it. */
export interface Import {
  readonly specifier: string
  readonly typeOnly: boolean
}

/** A source file with its imports; the path is from the repository's root. */
export interface SourceFile {
  readonly path: string
  readonly imports: readonly Import[]
}

/** The imports of a TypeScript source: declarations, re-exports, `import()` calls and `import()` types. */
export function importsOf(path: string, text: string): Import[] {
  const found: Import[] = []
  const visit = (node: ts.Node): void => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined) {
      add(node.moduleSpecifier, ts.isImportDeclaration(node) ? importsTypes(node) : exportsTypes(node))
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal, true)
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false)
    }
    ts.forEachChild(node, visit)
  }
  const add = (specifier: ts.Node | undefined, typeOnly: boolean): void => {
    if (specifier !== undefined && ts.isStringLiteralLike(specifier))
      found.push({ specifier: specifier.text, typeOnly })
  }
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest))
  return found
}

/** The path that a relative import leads to, or undefined when no file of the repository is there. */
export function resolveRelative(
  from: string,
  specifier: string,
  exists: (path: string) => boolean,
): string | undefined {
  const target = join(from, specifier)
  const bare = target.replace(/\.(js|mjs|cjs)$/, '')
  return [target, `${bare}.ts`, `${bare}.mts`, `${bare}.tsx`, `${bare}/index.ts`].find(exists)
}

/** The path of `specifier` seen from the file `from`, both with forward slashes from the root. */
function join(from: string, specifier: string): string {
  const parts = from.split('/').slice(0, -1)
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/')
}

function importsTypes({ importClause }: ts.ImportDeclaration): boolean {
  if (importClause === undefined) return false
  if (importClause.isTypeOnly) return true
  const { name, namedBindings } = importClause
  return (
    name === undefined &&
    namedBindings !== undefined &&
    ts.isNamedImports(namedBindings) &&
    allTypes(namedBindings.elements)
  )
}

function exportsTypes({ isTypeOnly, exportClause }: ts.ExportDeclaration): boolean {
  return (
    isTypeOnly || (exportClause !== undefined && ts.isNamedExports(exportClause) && allTypes(exportClause.elements))
  )
}

function allTypes(elements: readonly (ts.ImportSpecifier | ts.ExportSpecifier)[]): boolean {
  return elements.length > 0 && elements.every(({ isTypeOnly }) => isTypeOnly)
}
