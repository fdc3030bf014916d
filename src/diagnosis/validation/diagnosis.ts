/**
 * Each diagnosis that a cleanup may make, and what to do about it. docs/errors.md explains each code; a test
 * compares the two.
 */

/** What to do, by the code of the diagnosis. */
export const ADVICE = {
  'behind-nat':
    'Forward port 80 of the router to this machine, then see whether requests arrive with: certbot-nfq status',
  'elsewhere':
    'Let the name lead to this machine, or run certbot where it leads; behind a proxy or load balancer, let that pass port 80 on.',
  'expired':
    'Give the auth hook a longer --ttl, or see why certbot took so long: it waits for people, for a slow CA, for other hooks.',
  'ipv6-elsewhere':
    'Correct or remove the AAAA record: Let’s Encrypt asks by IPv6 first, and what it meets there is final.',
  'lookup-failed':
    'See whether the resolver of this machine works, and what the name leads to elsewhere: it has to be this machine, by A and by AAAA.',
  'nobody-listens': 'Start the web server, or leave out --no-standalone.',
  'no-such-name': 'Give the name an A or AAAA record that leads to this machine.',
  'not-acknowledged':
    'Look at rules for outgoing packets, here and on the way; with --log-file on the auth hook the log names replies that could not be sent.',
  'not-armed':
    'Let --manual-auth-hook be /etc/certbot-nfq/auth, with the same --run-dir as the cleanup hook, and stop no responder while certbot runs.',
  'not-finished': 'Look for what cuts requests off on the way: a firewall that inspects HTTP, or too large an MTU.',
  'not-let-in':
    'Let port 80 through in every firewall, this machine’s and the provider’s; the CA’s own error tells a timeout from a refusal.',
  'not-public': 'Give the name a public address that leads to this machine, unless your CA is on the same site.',
  'other-port': 'Leave --port out, unless something forwards port 80 to that port of this machine.',
  'other-token': 'Look for a second ACME client for this name; hooks on one port must all have the same --run-dir.',
  'out-of-memory': 'Give this machine or its container more memory, then run certbot again; dmesg shows what took it.',
  'not-queried':
    'See where the DNS leads a CA with: certbot-nfq doctor --dns -d NAME; and let port 53 through, by UDP and TCP, in every firewall.',
  'responder-failed': 'Run certbot again; if it happens again, report it with the lines of --verbose --log-file FILE.',
  'responder-killed':
    'Find out what ends processes here (a limit of the unit or container, a watchdog, a person), then run certbot again.',
} as const satisfies Record<string, string>

/** The code of a diagnosis, which names its section in docs/errors.md. */
export type DiagnosisCode = keyof typeof ADVICE

/** What went wrong with a challenge, as far as this machine can tell. `cause` is one line for a person. */
export interface Diagnosis {
  readonly code: DiagnosisCode
  readonly cause: string
}

/**
 * Returns the two lines that a user reads: the cause, and what to do, with the code and where it is explained. `page`
 * is the path of docs/errors.md on this machine.
 */
export function describeDiagnosis({ code, cause }: Diagnosis, page = 'docs/errors.md'): string {
  return `certbot-nfq: ${cause}\n${ADVICE[code]} [${code}, ${page}#${code}]`
}

/** The most members of a list that are named. */
const MOST = 4

/** Returns `a`, `a and b`, `a, b and c`, `a, b, c, d and 3 more`. */
export function list(members: readonly string[]): string {
  const named = members.length > MOST + 1 ? [...members.slice(0, MOST), `${members.length - MOST} more`] : members
  return named.length < 2 ? named.join('') : `${named.slice(0, -1).join(', ')} and ${named.at(-1) ?? ''}`
}

/** Returns `1 request` or `2 requests`; `plural` is for a noun that takes more than an s. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`
}
