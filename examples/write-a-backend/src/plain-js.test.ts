/** The example passes what every backend has to pass. */
import { checkBackend } from '@espalier/testkit'
import { describe, test } from 'vitest'
import { plainJs } from './plain-js.js'

describe('plain-js', () => checkBackend(plainJs, { test }))
