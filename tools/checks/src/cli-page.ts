/** docs/cli.md from the table of options: what each command does, its options, and their defaults beside Python's. */
import { commandHelp } from 'espalier/cli/help.js'
import { type Option, pythonValue, rangeText } from 'espalier/cli/option.js'
import { optionsOf } from 'espalier/cli/options.js'
import { pythonOptions } from 'espalier/cli/python-options.js'

/** The page's text. */
export function cliPage(): string {
  return [
    '# The command line',
    '',
    'Made from the table of options by `npm run docs:cli`; do not edit.',
    '',
    'Options are those of transformers, TRL and PEFT, with `-` or `_`. Each is also a key of the file that `--config` names (YAML, JSON, or a TS or JS file); an option on the line wins. Exit codes: 0 done, 1 something given was wrong or failed, 2 wrong usage, 130, 143 and 129 after Ctrl-C, SIGTERM and SIGHUP, when the run has been saved.',
    '',
    'The first of these signals finishes the step and saves; the second ends the run at once. A closed terminal sends SIGHUP, and `nohup` does not keep it away: Node listens to it again however the program was started, so such a run saves its state and ends with 129. To let a run outlive its terminal, start it in tmux or screen, as a service, with `setsid`, or with `&` and `disown`.',
    '',
    ...Object.entries(commandHelp).flatMap(([name, help]) => [
      `## ${name}`,
      '',
      help.does,
      '',
      '```sh',
      help.example,
      '```',
      '',
      ...table(name),
    ]),
    '## Keys of Python without an effect',
    '',
    'They are recognised, said once, and left.',
    '',
    ...pythonOptions.flatMap(({ name, noEffect }) =>
      noEffect === undefined ? [] : [`- \`${snake(name)}\`: ${noEffect}.`],
    ),
    '',
    '## Keys of Python that are refused unless they are off',
    '',
    pythonOptions.flatMap(({ name, planned }) => (planned === undefined ? [] : [`\`${snake(name)}\``])).join(', '),
    '',
  ].join('\n')
}

function table(command: string): string[] {
  const own = optionsOf(command)
  if (own.length === 0) return []
  const ready = own.filter(({ planned }) => planned === undefined)
  const later = own.filter(({ planned }) => planned !== undefined)
  const compares = command === 'train'
  return [
    compares ? '| option | what | default | Python | why it differs |' : '| option | what | default |',
    compares ? '|---|---|---|---|---|' : '|---|---|---|',
    ...ready.map((option) => row(option, compares)),
    '',
    ...later.map(({ name, help, planned, python }) =>
      python === undefined
        ? `- \`--${name}\` (${help}): ${planned}.`
        : `- \`--${name}\` (${help}; ${python.value} in Python): ${planned}.`,
    ),
    ...(later.length > 0 ? [''] : []),
  ]
}

function row(option: Option, compares: boolean): string {
  const { name, help, choices, range, default: standard, python, aliases } = option
  const limits = choices?.join(', ') ?? rangeText(range ?? {})
  const values = limits === '' ? '' : ` (${limits})`
  const others = aliases === undefined ? '' : `; also ${aliases.map((alias) => `\`${alias}\``).join(', ')}`
  const cells = [`\`--${name}\``, `${help}${values}${others}`, standard ?? '']
  if (compares) cells.push(python === undefined ? (standard ?? '') : pythonValue(option), python?.why ?? '')
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function snake(name: string): string {
  return name.replaceAll('-', '_')
}
