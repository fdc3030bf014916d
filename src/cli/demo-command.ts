import { Failure } from '../failure.js'
import { runDemo } from '../lab/demo.js'

/** Shows a certificate being got and renewed in a lab of its own. @throws Failure `demo-failed` */
export async function demoCommand(): Promise<void> {
  try {
    await runDemo((line) => void process.stdout.write(`${line}\n`))
  } catch (cause) {
    throw new Failure('demo-failed', cause instanceof Error ? cause.message : String(cause), { cause })
  }
}
