/** Finds public exports without a doc comment, by the TypeScript compiler. */
import ts from 'typescript'

/** An entry of a package as users import it, and the source file behind it. */
export interface Entry {
  readonly specifier: string
  readonly source: string
}

/** The program that checks of these entries look at. */
export function programOf(entries: readonly Entry[], options: ts.CompilerOptions): ts.Program {
  return ts.createProgram({ rootNames: entries.map(({ source }) => source), options })
}

/** One sentence per exported name that has no doc comment, and how many names there are in all. */
export function undocumentedExports(
  program: ts.Program,
  entries: readonly Entry[],
): { problems: string[]; count: number } {
  const checker = program.getTypeChecker()
  const problems: string[] = []
  let count = 0
  for (const { specifier, source } of entries) {
    const file = program.getSourceFile(source)
    const module = file && checker.getSymbolAtLocation(file)
    for (const name of module ? checker.getExportsOfModule(module) : []) {
      count++
      const symbol = name.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(name) : name
      const documented = [symbol, name].some((one) => one.getDocumentationComment(checker).length > 0)
      if (!documented) problems.push(`${specifier}: ${name.name} has no doc comment`)
    }
  }
  return { problems, count }
}
