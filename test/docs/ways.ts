/**
 * How commands.test.ts runs the commands in README and docs. Commands that begin with certbot, certbot-nfq or a hook
 * are run as they stand, on a machine of the lab (machine.ts), page by page from top to bottom. This table has all
 * others.
 */
import type { Machine } from './machine.js'
import { adoptByHand } from './webroot-lineage.js'
import type { DocumentedCommand } from './commands.js'

/** What is put in another's place before a command is run: the whole of the difference to the page. */
export const substitutions: readonly (readonly [pattern: RegExp, text: string, why: string])[] = [
  [/--port 8080/, '--port 80', 'no router stands before the machine that would forward its port 80 to 8080'],
  [/^apt-get install/, 'apt-get install --simulate', 'the real machine’s packages stay as they are'],
  [/^systemctl start certbot\.service$/, 'certbot -q renew --no-random-sleep-on-renew', 'no systemd in the lab; that is what the unit starts'],
]

export type Way =
  /** Runs it to its end on the machine; `exits` are the exit statuses that are right (0), `prepare` comes first. */
  | { readonly kind: 'machine'; readonly exits?: readonly number[]; readonly prepare?: (machine: Machine, command: DocumentedCommand) => Promise<void> }
  /** Goes on until it is ended: starts it, waits for this output, and ends it. */
  | { readonly kind: 'until'; readonly output: RegExp }
  /** Where the commands that follow it on its page are run. */
  | { readonly kind: 'directory' }
  /** Is not run, for this reason. */
  | { readonly kind: 'not run'; readonly why: string }

/** The first pattern that fits the command decides. */
export const ways: readonly (readonly [pattern: RegExp, way: Way])[] = [
  [/^cd \/\S+$/, { kind: 'directory' }],
  [/^npm (test|run (types|lint))$/, { kind: 'not run', why: 'this test is part of npm test, and so are types and lint' }],
  [/^(REQUIRE_KERNEL=1 )?npx tap run /, { kind: 'not run', why: 'tap within tap deletes the results of the outer one' }],
  [/^npm run (fuzz|test:(chaos|system|debian13))\b|^CERTBOT_NFQ_CHAOS=/, { kind: 'not run', why: 'takes minutes of both cores; docs/reliability.md has what came of it' }],
  [/^npm run demo$/, { kind: 'not run', why: 'its steps are those of the end-to-end tests; test/setup, which comes first, would build what this test runs' }],
  [/^npm (ci|run build|rebuild|pack)\b/, { kind: 'not run', why: 'test/setup has run the first two before any test; all of them rewrite what the other tests are running' }],
  [/^git clone /, { kind: 'not run', why: 'what is tested is this clone, and where from is for the reader to say' }],
  [/^npm run release$|^sha256sum --ignore-missing -c SHA256SUMS$/, { kind: 'not run', why: 'takes half an hour: npm run test:release' }],
  [/^npm run deb\b|^bash test\/setup release$|^apt install \.\//, { kind: 'not run', why: 'takes minutes, and a clean root of its own: npm run test:deb' }],
  [/^systemctl enable --now certbot-nfq$/, { kind: 'not run', why: 'no systemd in the lab: npm run test:system -- --container service' }],
  [/^apt purge /, { kind: 'not run', why: 'removes a package from a root of its own: npm run test:deb' }],
  [/^CERTBOT_NFQ_FORCE=1 apt purge /, { kind: 'not run', why: 'removes a package of the real machine: npm run test:deb' }],
  [/^export PATH=\/opt\/node\/bin:/, { kind: 'not run', why: 'is for the shell that it is typed into' }],
  [/^certbot-nfq install --undo /, { kind: 'not run', why: 'its rehearsal is the web server’s, which is to see no challenge here: test/end-to-end/adopted' }],
  [/^npm (install -g|view) /, { kind: 'not run', why: 'needs the network, or a tarball that npm pack was not run for' }],
  [/^certbot-nfq serve$/, { kind: 'until', output: /info listening in \/run\/certbot-nfq/ }],
  [/^(certbot-nfq install --client|dehydrated|uacme|acmetool) /, { kind: 'not run', why: 'needs these clients: npm run test:clients runs this page' }],
  [/^certbot-nfq serve --webroot \S+$/, { kind: 'until', output: /webroot \S+ is watched/ }],
  [/^certbot-nfq watch\b/, { kind: 'until', output: /"event":"watching"/ }],
  // Status 1 is what it found; none at all would be a fault of its own.
  [/^(hooks\/)?certbot-nfq doctor\b/, { kind: 'machine', exits: [0, 1] }],
  [/^nsenter --net=\/run\/netns\/NAME |^ip netns$/, { kind: 'not run', why: 'is about the lab, from outside of it; every kernel test does it' }],
  [/^journalctl /, { kind: 'not run', why: 'no journal in the lab; what goes there is seen in test/end-to-end/certbot-timer.test.ts' }],
  [/^(systemctl (enable --now|restart|stop)|systemd-run --unit) certbot-nfq-(account|meanwhile|store)\b/, { kind: 'not run', why: 'no systemd in the lab; what the unit starts is seen in test/scenarios/stateless.test.ts' }],
  [/^(apt-get install|systemctl start certbot\.service)\b/, { kind: 'machine' }],
  [/^((\/opt\/certbot-nfq\/)?hooks\/)?certbot-nfq [a-z-]/, { kind: 'machine' }],
  [/^certbot reconfigure /, { kind: 'not run', why: 'certbot 2.3 and later; Debian 12 has 2.1' }],
  [/^certbot renew --dry-run --cert-name example\.com$/, { kind: 'machine', prepare: (machine, { page }) => adoptByHand(machine, page) }],
  [/^certbot certonly .*--manual-auth-hook \/bin\/true /, { kind: 'not run', why: 'takes the service on every machine: npm run test:fleet' }],
  [/^certbot certonly .*--store /, { kind: 'not run', why: 'needs a store, and a secret in a file: npm run test:fleet' }],
  [/^certbot certonly .*--preferred-challenges dns /, { kind: 'not run', why: 'needs name servers and a resolver: npm run test:dns' }],
  [/^certbot certonly .*--ip-address /, { kind: 'not run', why: 'certbot 5.3 and later; Debian 12 has 2.1' }],
  [/^certbot (certonly|renew|certificates|--version)\b/, { kind: 'machine' }],
  [/^(mkdir -p|tail|less|cat|cp|grep|ss|dig|curl|ls) /, { kind: 'machine' }],
]

/** How a command is run; `undefined` when nobody has said. */
export function wayOf({ text }: DocumentedCommand): Way | undefined {
  return ways.find(([pattern]) => pattern.test(text))?.[1]
}

/** The command with everything substituted. */
export function substituted({ text }: DocumentedCommand): string {
  return substitutions.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), text)
}
