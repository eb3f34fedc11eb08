/** The compiler over the repository's sources, with files changed or made up. */
import { join, relative } from 'node:path'
import ts from 'typescript'
import { root } from './workspaces.js'

/** What the compiler finds, with the text of some files replaced or made up. */
export function faultsOf(
  entries: readonly string[],
  texts: ReadonlyMap<string, string>,
): { file: string; fault: string }[] {
  const configFile = join(root, 'tsconfig.json')
  const { options } = ts.parseJsonConfigFileContent(ts.readConfigFile(configFile, ts.sys.readFile).config, ts.sys, root)
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists } = host
  host.fileExists = (file) => texts.has(file) || fileExists(file)
  host.getSourceFile = (file, language, ...rest) => {
    const text = texts.get(file)
    return text === undefined ? getSourceFile(file, language, ...rest) : ts.createSourceFile(file, text, language, true)
  }
  return ts.getPreEmitDiagnostics(ts.createProgram(entries, options, host)).map(({ file, messageText }) => ({
    file: relative(root, file?.fileName ?? ''),
    fault: ts.flattenDiagnosticMessageText(messageText, ' '),
  }))
}
