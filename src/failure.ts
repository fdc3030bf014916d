/**
 * Every failure that a user can meet: what went wrong, and what to do about it. docs/errors.md explains each code; a
 * test compares the two.
 */

import { printable } from './wire/printable.js'

/** What to do, by code. The cause is given by the code that raises the failure, which alone knows it. */
export const FIXES = {
  'account-key-unknown': 'Give the ACME client an account with a key of one of these kinds; no CA takes another.',
  'account-missing':
    'Give --config-dir the directory where the ACME client keeps its accounts, or let it make one: certbot register',
  'account-unreadable': 'Run this as root, on the machine and with the --config-dir of the ACME client.',
  'armed-already':
    'After an interruption all is well. If this comes again, let --manual-cleanup-hook be /etc/certbot-nfq/cleanup; for a certificate that exists, correct that line in /etc/letsencrypt/renewal/NAME.conf.',
  'bad-option': 'See certbot-nfq --help.',
  'capability-missing':
    'Give root here what it lacks: a container --cap-add=NET_ADMIN --cap-add=NET_RAW (SETUID, SETGID and SETPCAP it has, unless dropped), a unit CapabilityBoundingSet=.',
  'capture-unavailable':
    'Load the kernel module: modprobe af_packet; in a systemd unit add AF_PACKET to RestrictAddressFamilies.',
  'certbot-running': 'Wait until certbot has ended, then run this again.',
  'challenge-type':
    'This hook passes http-01, dns-01 and tls-alpn-01: choose one in the client, or name a hook for the other type with --then.',
  'client-configuration': 'Give --adopt the place that docs/clients.md names for this client.',
  'client-uses-hook':
    'Give that client another hook first (each file that install changed has a copy beside it), or remove it all the same with --force.',
  'control-malformed': 'Run the same version of certbot-nfq everywhere; stop an old responder with: certbot-nfq stop',
  'demo-failed': 'Run it again; if it fails again, report all that it has printed.',
  'demo-unable':
    'Run the demo where network namespaces and NFQUEUE are allowed: on a machine of your own, or in a container with --privileged.',
  'disk-full': 'Make room on that file system (df and df -i show it), then do this again.',
  'dns-alias':
    'Let it be an alias (CNAME) of _acme-challenge.NAME.ZONE, and give the hooks --dns-alias ZONE; docs/dns-01.md has an example.',
  'dns-elsewhere':
    'Delegate that name to this machine, once, with an NS record at your DNS provider: docs/dns-01.md shows how.',
  'dns-lineage':
    'Leave its renewal as it is, or let the hooks renew it by http-01 from now on: add --force, and see that it passes.',
  'dns-other-servers':
    'Delegate that name to this machine alone, or let the hooks run with --store on all of them: docs/dns-01.md shows how.',
  'dns-signed':
    'Delegate that name to this machine, once, with an NS record and without a DS record: docs/dns-01.md shows how.',
  'firewall-busy':
    'Run certbot again when that program is done (lslocks shows who holds a lock); what may be left of ours goes with: certbot-nfq stop',
  'firewall-failed':
    'Run certbot again; if it stays, try another back end with --firewall, and see the rules with iptables-save and nft list ruleset.',
  'firewall-unavailable': 'Install iptables, or pick a back end that works here with --firewall.',
  'hook-arguments': 'Let the ACME client call this hook: it gives what the hook needs.',
  'hook-path-taken': 'Move that file away, or give another place with --hooks-dir.',
  'hooks-exchanged':
    'Let --manual-auth-hook be /etc/certbot-nfq/auth, and --manual-cleanup-hook /etc/certbot-nfq/cleanup; for a certificate that exists, correct these two lines in /etc/letsencrypt/renewal/NAME.conf.',
  'hooks-in-use':
    'Give each what it had before with: certbot-nfq install --undo NAME, or remove them all the same with --force.',
  'identifier-missing':
    'Let certbot call this program: --manual-auth-hook /etc/certbot-nfq/auth --manual-cleanup-hook /etc/certbot-nfq/cleanup',
  'install-failed': 'Run it as root, with a --hooks-dir and a --config-dir that can be written.',
  'internal': 'This is a fault of certbot-nfq: please report it with the lines of --verbose --log-file FILE.',
  'lineage-missing':
    'Give one of the names that certbot certificates shows, and --config-dir if certbot has another one; to get a first certificate, see certbot-nfq install.',
  'log-file': 'Give --log-file a path in an existing directory that root can write.',
  'native-module':
    'Install libnetfilter-queue-dev, make and g++, then run: npm rebuild (in the directory of certbot-nfq)',
  'no-copy':
    'Give it another authenticator with certbot, such as: certbot certonly --cert-name NAME --webroot -w DIRECTORY -d NAME',
  'no-free-user': 'Name a user that is for this alone with --user, or map more user ids into this user namespace.',
  'not-root':
    'Run certbot or this command as root: rules, queue, raw and packet sockets need CAP_NET_ADMIN and CAP_NET_RAW.',
  'programs-missing': 'Install them as root: with npm run setup in a clone of certbot-nfq, or as the first line says.',
  'other-hook': 'Name that hook with --then, so that it is run after ours; or remove it from the configuration.',
  'protocol-version': 'Stop the old responder with: certbot-nfq stop (any version), then run certbot again.',
  'queue-unavailable': 'Give a free number with --queue-num, or load the kernel module: modprobe nfnetlink_queue',
  'read-only-file-system':
    'Mount that file system so that it can be written to (findmnt shows how it is), or give another path: --run-dir, or for install --hooks-dir and --config-dir.',
  'rehearsal-failed':
    'Read what certbot says above, correct it, and run this again; certbot-nfq doctor -d NAME looks for the cause.',
  'renewal-changed': 'Run this again: it begins with the file as it is now.',
  'renewal-malformed':
    'Look whether certbot can read it: certbot certificates; a copy of an older one may be beside it.',
  'responder-ended':
    'If a validation fails now, run certbot again; if it happens again, see what stops processes here, and why with --verbose --log-file FILE.',
  'responder-hangs': 'End it with: certbot-nfq stop',
  'responder-lost': 'Run certbot again; if it happens again, see why with --verbose --log-file FILE.',
  'responder-not-started': 'See why with: certbot-nfq serve --verbose',
  'responder-running': 'Look at it with: certbot-nfq status, end it with: certbot-nfq stop, or give another --run-dir.',
  'root-kept': 'Let another Node run the hooks, such as one of nodejs.org: set CERTBOT_NFQ_NODE to its path.',
  'run-directory':
    'Give --run-dir a directory that belongs to root and that nobody else can write to, or one that does not exist yet.',
  'run-directory-path':
    'Give --run-dir a path of at most 99 bytes below a directory that exists, such as /run/certbot-nfq; both hooks need the same.',
  'store-address': 'Give --store a URL such as rediss://certbot-nfq@store.example.com:6379, see docs/fleet.md.',
  'store-kind':
    'Write the URL of --store for what answers there: redis://HOST one server, redis+cluster://HOST a cluster, redis+sentinel://HOST/NAME Sentinels.',
  'store-no-nodes':
    'Run certbot-nfq serve --store on every machine that the name leads to, with the same URL and secret file.',
  'store-not-armed':
    'Look there with: certbot-nfq status; if the load balancer still sends requests to it, the validation may fail.',
  'store-not-disarmed':
    'It forgets the challenge when its time to live is over, or when it sees the store again; look there with: certbot-nfq status',
  'store-password':
    'Put the password into a file that only root may read, for --store-password-file; or the URL into CERTBOT_NFQ_STORE.',
  'store-refused': 'Correct what the store names: the user, its password and its rights are shown in docs/fleet.md.',
  'store-secret':
    'Make one with: certbot-nfq store-secret FILE; copy it to every node, and give it to root alone: chown root, chmod 600.',
  'store-unreachable':
    'See that the store runs and that this machine may connect to it; other nodes do not learn of challenges meanwhile.',
  'then-failed': 'Give --then the path of a program that can be run.',
  'token-malformed': 'Let certbot call this program: nothing between them may change what certbot passes.',
  'token-missing':
    'Let certbot call this program: --manual-auth-hook /etc/certbot-nfq/auth --manual-cleanup-hook /etc/certbot-nfq/cleanup',
  'too-few-descriptors':
    'Allow more open files: ulimit -n, LimitNOFILE= of a systemd unit, --ulimit nofile of a container; for the whole machine fs.file-max.',
  'too-many-challenges': 'Ask for fewer names at a time, or stop what is armed and forgotten with: certbot-nfq stop',
  'unsafe-owner':
    'Give it to root alone (chown -R root: DIRECTORY; chmod -R go-w DIRECTORY), install elsewhere, or take the risk with --unsafe-owner.',
  'validation-malformed': 'Let certbot call this program: nothing between them may change what certbot passes.',
  'wildcard-lineage':
    'Leave its renewal as it is, or get the certificate anew by dns-01 with these hooks, as docs/dns-01.md shows.',
} as const satisfies Record<string, string>

/** The code of a failure, which names its entry in docs/errors.md. */
export type FailureCode = keyof typeof FIXES

/** A failure with a code. `message` says what went wrong, for a person, in one line. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly code: FailureCode

  constructor(code: FailureCode, message: string, options?: ErrorOptions) {
    super(firstLine(message), options)
    this.code = code
  }
}

/** Returns the failure for anything thrown. */
export function toFailure(thrown: unknown): Failure {
  if (isFailure(thrown)) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return shortage(message, thrown) ?? new Failure('internal', `unexpected: ${message}`, { cause: thrown })
}

/**
 * Returns the failure for what the system has run out of, when `cause` is an error of a system call that says so.
 * Whatever was being done, that is what has to be corrected.
 */
export function shortage(message: string, cause: unknown): Failure | undefined {
  switch (errnoOf(cause)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new Failure('disk-full', message, { cause })
    case 'EROFS':
      return new Failure('read-only-file-system', message, { cause })
    case 'EMFILE':
    case 'ENFILE':
      return new Failure('too-few-descriptors', message, { cause })
    default:
      return undefined
  }
}

function errnoOf(thrown: unknown): unknown {
  return typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined
}

/** Returns whether something thrown is a Failure, even one of another copy of this module: bundles have their own. */
export function isFailure(thrown: unknown): thrown is Failure {
  return thrown instanceof Error && thrown.name === 'Failure' && isFailureCode((thrown as Partial<Failure>).code)
}

/**
 * Returns the two lines that a user reads: the cause, and what to do, with the code and where it is explained. `page`
 * is the path of docs/errors.md on this machine. `emphasize` may colour the start of the first line. The cause is made
 * printable, whoever wrote it (a program, a responder).
 */
export function describeFailure(failure: Failure, page = 'docs/errors.md', emphasize = (text: string) => text): string {
  return `${emphasize('certbot-nfq:')} ${printable(failure.message)}\n${FIXES[failure.code]} [${failure.code}, ${page}#${failure.code}]`
}

/**
 * Returns the failure for a refusal by the kernel. Who is root already, or was until now, is not told to become root.
 */
export function refusedRight(message: string, isRoot = process.geteuid?.() === 0): Failure {
  return isRoot ? new Failure('capability-missing', message) : new Failure('not-root', message)
}

/**
 * Returns the failure for a refusal by the file system. `what` says what could not be done, as in `write /a/path`. A
 * failure stays as it is.
 */
export function fileFailure(what: string, cause: unknown): Failure {
  if (isFailure(cause)) return cause
  const message = `cannot ${what}: ${(cause as Error).message}`
  return shortage(message, cause) ?? new Failure('install-failed', message, { cause })
}

/** Returns whether a value from elsewhere is one of our codes. */
export function isFailureCode(code: unknown): code is FailureCode {
  return typeof code === 'string' && Object.hasOwn(FIXES, code)
}

function firstLine(message: string): string {
  return message.trim().split('\n', 1)[0] ?? ''
}
