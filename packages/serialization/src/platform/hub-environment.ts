/** Where the hub is and how it is reached, for whoever reports or needs it (a command line, a data set's fetcher). */
import type { HubEnvironment } from '../hub/environment.js'
import { platform } from './node.js'

/** The hub's address, token, cache folder and offline state, from the environment variables that Python's client reads. */
export async function hubEnvironment(): Promise<HubEnvironment> {
  return platform.hubEnvironment()
}
