/**
 * What runs beside ONNX Runtime, in a worker thread or in place: sessions, weights in memory and state. Plain JavaScript, so that a
 * worker can start it from sources and from a package alike. host.d.mts has the types.
 */

const types = { f32: 'float32', f64: 'float64', i32: 'int32', u32: 'uint32', u8: 'uint8', i8: 'int8', bool: 'bool' }

/** Answers requests, one at a time and in order. */
export class Host {
  sessions = new Map()
  weights = new Map()
  states = new Map()
  /** How often rows were written into the data of a state tensor. */
  versions = new WeakMap()
  machine

  /**
   * @param ort the module of ONNX Runtime
   * @param startMachine makes what runs packed programs, for so many threads; without it there are none
   */
  constructor(ort, startMachine) {
    this.ort = ort
    this.startMachine = startMachine
  }

  /** Carries out a request; `message.type` names the method. */
  async handle(message) {
    switch (message.type) {
      case 'open':
        return this.open(message)
      case 'close':
        return this.close(message.session)
      case 'addWeight':
        this.weights.set(message.id, this.tensor(message.tensor))
        return undefined
      case 'dropWeight':
        this.weights.delete(message.id)
        this.machine?.forget(message.id)
        this.endIdleMachine()
        return undefined
      case 'createState':
        this.states.set(message.state, new Map(message.tensors.map((tensor) => [tensor.name, this.tensor(tensor)])))
        return undefined
      case 'readState':
        return message.names.map((name) => this.stateTensor(message.state, name).data.slice())
      case 'writeState':
        for (const tensor of message.tensors) this.states.get(message.state).set(tensor.name, this.tensor(tensor))
        return undefined
      case 'dropState':
        this.states.delete(message.state)
        return undefined
      case 'run':
        return this.run(message)
      case 'openPacked':
        return this.openPacked(message)
      case 'runPacked':
        return this.runPacked(message)
      case 'closePacked':
        this.machine?.close(message.session)
        return undefined
      default:
        throw new Error(`unknown request ${message.type}`)
    }
  }

  async open({ session, model, options, plan, mounts }) {
    const externalData = mounts?.map(({ location, id }) => ({
      path: location,
      data: bytesOf(this.weights.get(id).data),
    }))
    const created = await this.ort.InferenceSession.create(
      model,
      externalData === undefined ? options : { ...options, externalData },
    )
    this.sessions.set(session, { created, plan })
  }

  async close(session) {
    const found = this.sessions.get(session)
    this.sessions.delete(session)
    if (found === undefined) return
    // Writes the profile, when one was asked for.
    if (found.created.endProfiling !== undefined && found.plan.profiled) found.created.endProfiling()
    await found.created.release()
  }

  async run({ session, feeds, bindings }) {
    const { created, plan } = this.sessions.get(session)
    const inputs = {}
    for (const { name, type, shape, from } of plan.inputs) {
      if (from.kind === 'feed') inputs[name] = this.tensor({ type, shape, data: feeds[from.slot] })
      else if (from.kind === 'weight') inputs[name] = this.weights.get(from.id)
      else inputs[name] = this.stateTensor(bindings[from.slot].state, bindings[from.slot].name)
    }
    for (const { name, seed, threshold, site, count } of plan.masks ?? [])
      inputs[name] = this.tensor({
        type: 'bool',
        shape: [count],
        data: keptElements(feeds[seed][0], site, threshold, count),
      })
    const results = await created.run(inputs)
    this.commit(plan, bindings, results)
    const outputs = {}
    for (const { slot, output } of plan.outputs) outputs[slot] = results[output].data
    return outputs
  }

  /** Everything is checked before the first slot changes. */
  commit(plan, bindings, results) {
    for (const update of plan.updates) {
      if (update.kind !== 'rows') continue
      checkRows(update, results[update.start].data[0], update.count)
    }
    for (const update of plan.updates) {
      const { state, name } = bindings[update.slot]
      if (update.kind === 'whole') this.states.get(state).set(name, results[update.output])
      else {
        const { data } = this.stateTensor(state, name)
        writeRows(data, results[update.output].data, results[update.start].data[0], update)
        this.versions.set(data, (this.versions.get(data) ?? 0) + 1)
      }
    }
  }

  async openPacked({ session, plan, threads }) {
    if (this.startMachine === undefined) return false
    this.machine ??= await this.startMachine(threads)
    const opened = this.machine.open(session, plan, (id) => this.weights.get(id).data)
    this.endIdleMachine()
    return opened
  }

  async runPacked({ session, feeds, bindings }) {
    const tensorOf = (slot) => this.stateTensor(bindings[slot].state, bindings[slot].name)
    const versionOf = (data) => this.versions.get(data) ?? 0
    const { outputs, updates } = this.machine.run(session, feeds, (slot) => {
      const { data } = tensorOf(slot)
      return { data, version: versionOf(data) }
    })
    for (const { update, start } of updates) if (start !== undefined) checkRows(update, start, update.entries)
    for (const { update, data, start } of updates) {
      const { slot, type, shape, entries } = update
      if (start === undefined) {
        const { state, name } = bindings[slot]
        this.states.get(state).set(name, this.tensor({ type, shape, data }))
        continue
      }
      const write = (buffer) => writeRows(buffer, data, start, { ...update, count: entries })
      const held = tensorOf(slot).data
      write(held)
      const version = versionOf(held) + 1
      this.versions.set(held, version)
      this.machine.wrote(session, slot, version, write)
    }
    return outputs
  }

  endIdleMachine() {
    if (this.machine === undefined || this.machine.weights.size > 0) return
    this.machine.quit()
    this.machine = undefined
  }

  stateTensor(state, name) {
    return this.states.get(state).get(name)
  }

  tensor({ type, shape, data }) {
    return new this.ort.Tensor(types[type], data, shape)
  }
}

function checkRows({ slot, shape, axis }, start, count) {
  const extent = shape[axis]
  if (start >= 0 && start + count <= extent) return
  throw Object.assign(new Error(`rows ${start} to ${start + count} lie outside ${slot} (${extent} rows)`), { slot })
}

function writeRows(buffer, rows, start, { shape, axis, count }) {
  const inner = shape.slice(axis + 1).reduce((size, extent) => size * extent, 1)
  const outer = shape.slice(0, axis).reduce((size, extent) => size * extent, 1)
  for (let o = 0; o < outer; o++) {
    buffer.set(rows.subarray(o * count * inner, (o + 1) * count * inner), (o * shape[axis] + start) * inner)
  }
}

// The bits of core's randomBits (mix32 and siteKey of its random.ts), here because the runtime's integer kernels take five times as long.
function keptElements(seed, site, threshold, count) {
  const key = mix32((seed + Math.imul(site, 0x9e3779b9)) | 0)
  const kept = new Uint8Array(count)
  for (let i = 0; i < count; i++) kept[i] = mix32(i ^ key) >>> 0 < threshold ? 0 : 1
  return kept
}

function mix32(value) {
  let x = value
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d)
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b)
  return x ^ (x >>> 16)
}

function bytesOf(data) {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}
