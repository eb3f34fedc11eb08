/** `espalier quickstart`: shows the demonstration. */
import type { QuickstartEvent, QuickstartScore } from '../quickstart/events.js'
import { runQuickstart } from '../quickstart/index.js'
import { codeAfter, type Interruption, onInterrupt } from './signals.js'
import { bytes, clock, Progress, result } from './terminal.js'
import { defined, type Values } from './values.js'

/** Runs the command; its exit code: 1 when the demonstration did not show what it promises. */
export async function quickstart(values: Values): Promise<number> {
  const progress = new Progress(values.flag('quiet') === true)
  const abort = new AbortController()
  let interruption: Interruption | undefined
  const json = values.flag('json') === true
  try {
    const outcome = await runQuickstart({
      ...defined({ outputDir: values.text('output-dir'), threads: values.number('threads') }),
      signal: abort.signal,
      onEvent: (event) => {
        // There is something to save from the first step on.
        if (event.type === 'training') interruption ??= onInterrupt(() => abort.abort(new Error('interrupted')))
        if (json) result(JSON.stringify(event))
        else show(event, progress)
      },
    })
    progress.clear()
    if (json) result(JSON.stringify({ type: 'result', ...outcome }))
    else {
      result('')
      result(
        `before: ${score(outcome.before)}   after ${clock(outcome.trainingSeconds)} of training: ${score(outcome.after)}`,
      )
      result(
        `always the same answer: ${score(outcome.constant)}${outcome.control === null ? '' : `   trained on shuffled answers: ${score(outcome.control)}`}`,
      )
      result(`saved, reloaded, same answers: ${outcome.reloadedEqual ? 'yes' : 'no'}`)
      result('')
      result(`adapter: ${outcome.adapterPath}`)
      if (outcome.reportPath !== null) result(`report:  ${outcome.reportPath}`)
      result(`in Python: ${outcome.pythonLine}`)
      result(`the same with a larger model: ${outcome.nextCommand}`)
      for (const fault of outcome.faults) result(`not as promised: ${fault}`)
    }
    return outcome.passed ? 0 : 1
  } catch (error) {
    progress.clear()
    return codeAfter(interruption, error, abort.signal.reason)
  } finally {
    interruption?.end()
    progress.end()
  }
}

function show(event: QuickstartEvent, progress: Progress): void {
  switch (event.type) {
    case 'base':
      result(
        `base model: ${event.parameters.toLocaleString('en-US')} parameters, ${bytes(event.byteLength)}; ${event.origin}`,
      )
      result(`it runs on ${event.backend}, from ${event.path}`)
      return
    case 'data':
      result(
        `skill: ${event.skill} (${event.trainRows} rows to learn from, ${event.heldOutRows} held out, of names and sentences that training does not have)`,
      )
      return
    case 'stage':
      progress.update(STAGES[event.stage], true)
      return
    case 'samples':
      progress.clear()
      result(`\n${event.when} training:`)
      for (const { prompt, expected, answer } of event.samples) {
        result(`  ${prompt.trim().replaceAll('\n', ' | ')}`)
        result(`    says   ${answer.trim() === '' ? '(nothing)' : answer.trim().replaceAll('\n', ' ')}`)
        result(`    wanted ${expected.trim()}`)
      }
      return
    case 'score':
      progress.clear()
      if (event.of === 'before' || event.of === 'after') result(`  exactly right ${event.of}: ${score(event.score)}`)
      return
    case 'adapter':
      result(`\n${event.summary}`)
      return
    case 'training':
      if (event.event.type === 'step') {
        const { step, totalSteps, loss, tokensPerSecond, etaSeconds } = event.event
        progress.update(
          `${event.of === 'control' ? 'control: ' : ''}step ${step}/${totalSteps} loss ${loss.toFixed(4)} ${tokensPerSecond.toFixed(0)} tokens/s ETA ${clock(etaSeconds)}`,
          step === 1 || step === totalSteps,
        )
      }
      return
    case 'saved':
    case 'reloaded':
      progress.clear()
      return
  }
}

const STAGES = {
  'score-before': 'scoring the base model',
  train: 'training',
  'score-after': 'scoring the trained model',
  reload: 'loading the saved adapter again',
  'train-control': 'training a control on shuffled answers',
  'score-control': 'scoring the control',
} as const

function score({ correct, total }: QuickstartScore): string {
  return `${((100 * correct) / total).toFixed(1)} % (${correct} of ${total})`
}
