#!/usr/bin/env node
import { linkTensorflow } from '../dist/link-tensorflow.js'

process.exitCode = await linkTensorflow(process.argv.slice(2))
