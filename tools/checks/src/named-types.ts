/** Finds types that public declarations use and that their user cannot name, since no entry exports them. */
import ts from 'typescript'
import type { Entry } from './export-docs.js'

/**
 * One sentence per type that a declaration exported by an entry, and made in its package, uses and the entry does not export. Counted are types that a
 * file for which `isOurs` holds exports; what a declaration keeps to itself (bodies, private and internal members, initial values) is not looked at.
 */
export function unnamedTypes(
  program: ts.Program,
  entries: readonly Entry[],
  isOurs: (file: string, entry: Entry) => boolean,
): string[] {
  const checker = program.getTypeChecker()
  const target = (symbol: ts.Symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
  return entries.flatMap((entry) => {
    const { specifier, source } = entry
    const file = program.getSourceFile(source)
    const module = file && checker.getSymbolAtLocation(file)
    const exported = module ? checker.getExportsOfModule(module).map(target) : []
    const known = new Set(exported)
    const problems = new Set<string>()
    const folder = source.slice(0, source.indexOf('/src/') + 1)
    for (const symbol of exported)
      for (const declaration of symbol.declarations?.filter((one) => one.getSourceFile().fileName.startsWith(folder)) ??
        [])
        for (const used of typesIn(declaration)) {
          const found = checker.getSymbolAtLocation(used)
          const type = found && target(found)
          if (type === undefined || known.has(type) || type.flags & ts.SymbolFlags.TypeParameter) continue
          if (type.declarations?.some((one) => isExported(one) && isOurs(one.getSourceFile().fileName, entry)))
            problems.add(`${specifier}: ${symbol.name} uses ${type.name}, which is not exported`)
        }
    return [...problems]
  })
}

/** Names of types in a declaration, as far as its users see it. */
function* typesIn(node: ts.Node): Generator<ts.EntityName | ts.Identifier> {
  if (ts.isBlock(node) || isHidden(node)) return
  if (ts.isTypeReferenceNode(node)) yield node.typeName
  if (ts.isExpressionWithTypeArguments(node) && ts.isIdentifier(node.expression)) yield node.expression
  const children: ts.Node[] = []
  ts.forEachChild(node, (child) => void children.push(child))
  const value = 'initializer' in node ? node.initializer : undefined
  for (const child of children) if (child !== value) yield* typesIn(child)
}

// A type that its own file keeps is shorthand for what it stands for.
function isExported(declaration: ts.Declaration): boolean {
  return (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Export) !== 0
}

function isHidden(node: ts.Node): boolean {
  if (ts.getJSDocTags(node).some(({ tagName }) => tagName.text === 'internal')) return true
  if (!ts.canHaveModifiers(node) || ts.isParameter(node)) return false
  return (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword)
}
