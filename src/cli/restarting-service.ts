/** The service of systemd that starts a responder again when `stop` has ended it. */
import { readFileSync } from 'node:fs'
import { responderIn } from '../client/hung-responder.js'
import { run } from '../firewall/run.js'
import { lookAt } from '../kernel/process-look.js'
import type { RunDirectory } from '../responder/run-directory.js'

/**
 * Looks at the responder, which has to run still. Returns a function that tells the service that starts it again; it is
 * told whether the responder hung. Undefined stands for none that can be seen from here.
 */
export async function findRestartingService(directory: RunDirectory): Promise<(isHung: boolean) => string | undefined> {
  const responder = responderIn(directory)
  const service = responder === undefined ? undefined : serviceIn(cgroupOf(responder))
  if (responder === undefined || service === undefined) return () => undefined
  // `serve` has started the keeper, and the keeper the responder. That of a hook has no such parent.
  const keeper = lookAt(responder)?.parent ?? 0
  const serve = lookAt(keeper)?.parent ?? 0
  const { stdout } = await run(['systemctl', 'show', '--property=MainPID,Restart', '--', service])
  return (isHung) => (isStartedAgain(stdout, serve, isHung) ? service : undefined)
}

/**
 * Returns the service of a process, from its cgroup file (cgroups(7)): `0::/system.slice/certbot-nfq.service`, or with
 * version 1 the line of `name=systemd`. Undefined when it belongs to none.
 */
export function serviceIn(cgroup: string): string | undefined {
  return [...cgroup.matchAll(/^\d+:(?:name=systemd)?:(.*)$/gm)]
    .flatMap(([, path = '']) => path.split('/'))
    .find((name) => name.endsWith('.service'))
}

/**
 * Returns whether a service starts `serve` again, from what `systemctl show` says of it. `serve` is its process id. It
 * ends with status 0 when it is stopped, and with another when the responder hung and was killed (systemd.service(5),
 * Restart=).
 */
export function isStartedAgain(shown: string, serve: number, isHung: boolean): boolean {
  const [, restart = ''] = /^Restart=(.*)$/m.exec(shown) ?? []
  const [, main] = /^MainPID=(\d+)$/m.exec(shown) ?? []
  return serve > 0 && Number(main) === serve && ['always', isHung ? 'on-failure' : 'on-success'].includes(restart)
}

function cgroupOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8')
  } catch {
    return ''
  }
}
