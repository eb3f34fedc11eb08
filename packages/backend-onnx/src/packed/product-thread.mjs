/** A thread that helps with the products of packed programs. */
import { workerData } from 'node:worker_threads'

const LOOKS = 50_000 // about as many as the small steps between two products take

const { exports } = new WebAssembly.Instance(workerData.module, { env: { memory: workerData.memory } })
exports.serve(LOOKS)
