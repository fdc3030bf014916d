import { Failure } from '../failure.js'
import { DemoUnable, runDemo } from '../lab/demo.js'
import { ownCommand } from './own-command.js'

/** Runs the demo. @throws Failure */
export async function demoCommand(): Promise<void> {
  const next = `${ownCommand()} doctor example.com, with a name of yours; it changes nothing`
  try {
    await runDemo((line) => void process.stdout.write(`${line}\n`), next)
  } catch (cause) {
    throw failureOf(cause)
  }
}

function failureOf(cause: unknown): Failure {
  const message = cause instanceof Error ? cause.message : String(cause)
  if (!(cause instanceof DemoUnable)) return new Failure('demo-failed', message, { cause })
  switch (cause.lack) {
    case 'root':
      return new Failure('not-root', message)
    case 'programs':
      return new Failure('programs-missing', message)
    case 'kernel':
      return new Failure('demo-unable', message)
  }
}
