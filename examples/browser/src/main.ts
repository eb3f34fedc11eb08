/** The page: reads model and rows, hands them to the worker, and shows what it says. */
import type { Answer, Request, Row } from './messages.js'

const FILES = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']

const worker = new Worker(new URL('./training.worker.ts', import.meta.url), { type: 'module' })
const losses: number[] = []

worker.addEventListener('message', ({ data }: MessageEvent<Answer>) => show(data))
worker.addEventListener('error', ({ message }) => show({ type: 'failed', message }))
element('settings').addEventListener('submit', (event) => {
  event.preventDefault()
  start().catch((error: unknown) => show({ type: 'failed', message: String(error) }))
})
element('stop').addEventListener('click', () => ask({ type: 'stop' }))
busy(false) // now somebody listens

async function start(): Promise<void> {
  losses.length = 0
  element('files').replaceChildren()
  for (const id of ['before', 'after']) element(id).textContent = ''
  busy(true)
  show({ type: 'state', text: 'Reading' })
  const chosen = [...(element<HTMLInputElement>('folder').files ?? [])]
  const model = chosen.length > 0 ? new Map(chosen.map((file) => [file.name, file])) : await bundledModel()
  const rows = await jsonLines('data/train.jsonl')
  const [first] = await jsonLines('data/held-out.jsonl')
  const prompt = first?.prompt ?? ''
  element('prompt').textContent = prompt
  ask({ type: 'train', model, rows, steps: Number(element<HTMLInputElement>('steps').value), ask: prompt })
}

async function bundledModel(): Promise<Map<string, Blob>> {
  return new Map(
    await Promise.all(FILES.map(async (name) => [name, await (await get(`base/${name}`)).blob()] as const)),
  )
}

async function jsonLines(path: string): Promise<Row[]> {
  const text = await (await get(path)).text()
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Row)
}

async function get(path: string): Promise<Response> {
  const answer = await fetch(new URL(path, document.baseURI))
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`)
  return answer
}

function show(answer: Answer): void {
  switch (answer.type) {
    case 'state':
      element('state').textContent = answer.text
      if (answer.text === 'Done') busy(false)
      return
    case 'step': {
      losses.push(answer.loss)
      element('state').textContent = `Step ${answer.step} of ${answer.totalSteps}, loss ${answer.loss.toFixed(3)}`
      Object.assign(element<HTMLProgressElement>('progress'), { value: answer.step, max: answer.totalSteps })
      element('losses').innerHTML = `<polyline points="${points(answer.totalSteps)}" />`
      return
    }
    case 'text':
      element(answer.when).textContent = answer.text
      return
    case 'adapter':
      element('files').replaceChildren(...[...answer.files].map(([name, blob]) => download(name, blob)))
      return
    case 'failed':
      element('state').textContent = `Failed: ${answer.message}`
      busy(false)
  }
}

/** The losses in a square of 100: the first step at the left, zero at the bottom. */
function points(totalSteps: number): string {
  const highest = Math.max(...losses)
  return losses.map((loss, i) => `${(100 * i) / Math.max(1, totalSteps - 1)},${100 - (100 * loss) / highest}`).join(' ')
}

function download(name: string, blob: Blob): HTMLLIElement {
  const link = Object.assign(document.createElement('a'), {
    href: URL.createObjectURL(blob),
    download: name,
    textContent: `${name} (${blob.size.toLocaleString()} bytes)`,
  })
  const item = document.createElement('li')
  item.append(link)
  return item
}

function busy(isBusy: boolean): void {
  for (const button of document.querySelectorAll('button')) button.disabled = button.id === 'stop' ? !isBusy : isBusy
}

function ask(request: Request): void {
  worker.postMessage(request)
}

function element<E extends Element = HTMLElement>(id: string): E {
  return document.querySelector(`#${id}`) as E
}
