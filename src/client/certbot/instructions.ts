/** What a person does next with the hooks. */
import { certbotArguments, hookParameters, quoteForShell, type HookCommands, type RenewalType } from './hook-command.js'
import { formatValue } from './configobj-value.js'

/**
 * Returns the command for a new certificate, and what to do with existing lineages, of which some are named. `command`
 * runs certbot-nfq, and `again` are the options of this run.
 */
export function formatInstructions(
  hooks: HookCommands,
  command: string,
  again: readonly string[],
  lineages: readonly string[],
): string {
  const install = [command, 'install', ...again.map(quoteForShell)].join(' ')
  return [
    'For a new certificate, as a rehearsal; then again without --dry-run:',
    '',
    ...certonly(hooks, 'http-01').map(indent),
    '',
    'With dns-01, which takes a wildcard name (docs/dns-01.md says what has to lead here):',
    '',
    ...certonly(hooks, 'dns-01').map(indent),
    '',
    `For one that is there already${someOf(lineages)}:`,
    '',
    indent(`${install} --dry-run --adopt NAME`),
    indent(`${install} --adopt NAME`),
    '',
    '(--undo NAME gives it back what it had); or by hand: these lines in /etc/letsencrypt/renewal/NAME.conf, right below [renewalparams], in place of those with the same names:',
    '',
    ...renewalLines(hooks).map(indent),
  ].join('\n')
}

/** Returns the lines of a renewal configuration that make a lineage use the hooks. */
export function renewalLines(hooks: HookCommands): string[] {
  return Object.entries(hookParameters(hooks, 'http-01')).map(([key, value]) => `${key} = ${formatValue(value)}`)
}

function certonly(hooks: HookCommands, type: RenewalType): string[] {
  const [manual = '', ...rest] = certbotArguments(hooks, type)
  const pairs = Array.from(
    { length: rest.length / 2 },
    (_, place) => `${rest[place * 2] ?? ''} ${quoteForShell(rest[place * 2 + 1] ?? '')}`,
  )
  const names = type === 'dns-01' ? "-d example.com -d '*.example.com'" : '-d example.com'
  return [`certbot certonly ${manual}`, ...pairs, `${names} --dry-run`].map(
    (line, place, lines) => `${place === 0 ? '' : '  '}${line}${place === lines.length - 1 ? '' : ' \\'}`,
  )
}

function someOf(lineages: readonly string[]): string {
  if (lineages.length === 0) return ''
  return ` (${lineages.slice(0, 5).join(', ')}${lineages.length > 5 ? ', …' : ''})`
}

function indent(line: string): string {
  return `    ${line}`
}
