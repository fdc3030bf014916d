import type { Test } from 'tap'
import type { Given } from '../../src/client/call.js'
import { Failure } from '../../src/failure.js'

/** Two challenges as a client has them. */
export const one = { token: 'token-of-one-16-c', keyAuthorization: 'token-of-one-16-c.print', identifier: 'a.example' }
export const two = {
  token: '-token-of-two-16-',
  keyAuthorization: '-token-of-two-16-.print',
  identifier: '2001:db8::1',
}

/** The value of a dns-01 challenge. It may begin like an option. */
export const DIGEST = '-aGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA4'

/** What a client gives its hook. Reading standard input fails unless there is something to read. */
export function given(words: readonly string[], more: Partial<Given> = {}): Given {
  return {
    words,
    environment: {},
    types: ['http-01'],
    input: () => {
      throw new Error('nothing is to be read')
    },
    ...more,
  }
}

/** Asserts that it fails with this code and a cause that is one line. */
export function refuses(t: Test, act: () => unknown, code: string, cause: RegExp, what: string): void {
  try {
    t.fail(`${what}: ${JSON.stringify(act())}`)
  } catch (thrown) {
    t.ok(thrown instanceof Failure && thrown.code === code && cause.test(thrown.message), `${what}: ${String(thrown)}`)
  }
}
