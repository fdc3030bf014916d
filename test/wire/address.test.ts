import fc from 'fast-check'
import t from 'tap'
import { formatAddress, formatEndpoint, parseAddress } from '../../src/wire/address.js'
import { fromHex } from '../fixtures/hex.js'
import { holds } from '../holds.js'

t.test('an IPv4 address is written in dotted decimals', (t) => {
  t.equal(formatAddress(fromHex('c0 00 02 01')), '192.0.2.1')
  t.equal(formatAddress(fromHex('00 00 00 00')), '0.0.0.0')
  t.equal(formatAddress(fromHex('ff ff ff ff')), '255.255.255.255')
  t.end()
})

t.test('an IPv6 address is written as RFC 5952, 4 wants it', (t) => {
  const table = [
    ['20010db8 00000000 00000000 00000001', '2001:db8::1', 'zeros are left out'],
    ['00000000 00000000 00000000 00000000', '::', 'nothing but zeros'],
    ['00000000 00000000 00000000 00000001', '::1', 'zeros at the start'],
    ['fe800000 00000000 00000000 00000000', 'fe80::', 'zeros at the end'],
    ['20010db8 00000001 00010001 00010001', '2001:db8:0:1:1:1:1:1', 'a single group of zeros stays'],
    ['20010000 00000001 00000000 00000001', '2001:0:0:1::1', 'the longest run is the one left out'],
    ['20010db8 00000000 00010000 00000001', '2001:db8::1:0:0:1', 'of equal runs, the first'],
    ['20010DB8 0000aabb 00000000 00000a0b'.toLowerCase(), '2001:db8:0:aabb::a0b', 'lower case, no leading zeros'],
  ] as const
  for (const [bytes, text, why] of table) t.equal(formatAddress(fromHex(bytes)), text, why)
  t.end()
})

t.test('an endpoint has its port after a colon, and brackets where the address has colons', (t) => {
  t.equal(formatEndpoint(fromHex('c0 00 02 01'), 80), '192.0.2.1:80')
  t.equal(formatEndpoint(fromHex('20010db8 00000000 00000000 00000001'), 8080), '[2001:db8::1]:8080')
  t.end()
})

t.test('a link-local address is read without its interface', (t) => {
  t.equal(formatAddress(parseAddress('fe80::1%eth0')), 'fe80::1')
  t.end()
})

t.test('properties', (t) => {
  const groups = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
  holds(
    t,
    'any IPv6 address is written as a URL writes it',
    fc.property(groups, (numbers) => {
      const bytes = Uint8Array.from(numbers.flatMap((number) => [number >>> 8, number & 0xff]))
      const { hostname } = new URL(`http://[${numbers.map((number) => number.toString(16)).join(':')}]/`)
      return `[${formatAddress(bytes)}]` === hostname
    }),
  )
  holds(
    t,
    'an address is read as it was written',
    fc.property(
      fc.oneof(
        fc.uint8Array({ minLength: 4, maxLength: 4 }),
        groups.map((numbers) => Uint8Array.from(numbers.flatMap((number) => [number >>> 8, number & 0xff]))),
      ),
      (bytes) => Buffer.from(bytes).equals(parseAddress(formatAddress(bytes))),
    ),
  )
  t.end()
})
