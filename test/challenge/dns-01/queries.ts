import { fromText } from '../../fixtures/hex.js'

/** Returns a query (RFC 1035, 4.1) of class IN for a name, without EDNS. Its identifier is 0x1234, and it has RD. */
export function queryFor(name: string, type = 16): Uint8Array {
  const labels = name.split('.').flatMap((label) => [label.length, ...fromText(label)])
  return Uint8Array.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, type >> 8, type & 0xff, 0, 1])
}

/** Returns messages as TCP carries them, each with its length before it. */
export function framed(...messages: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(messages.flatMap((message) => [message.length >> 8, message.length & 0xff, ...message]))
}

/** Returns the values of the TXT records of a reply whose records belong to the question's name. */
export function valuesIn(reply: Uint8Array): string[] {
  const text = Buffer.from(reply).toString('latin1')
  return [...text.matchAll(/\xc0\x0c\0\x10\0\x01[^]{6}([^])([\w-]+)/g)].map(([, length = '', value = '']) =>
    value.slice(0, length.charCodeAt(0)),
  )
}
