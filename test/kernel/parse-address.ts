/** Returns the 4 or 16 bytes of an address. An IPv6 address may have one `::`, and no dotted tail. */
export function parseAddress(text: string): Uint8Array {
  if (text.includes('.')) return Uint8Array.from(text.split('.').map(Number))
  const [head = '', tail = ''] = text.split('::')
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)))
  const zeros = Array.from({ length: 8 - groups(head).length - groups(tail).length }, () => 0)
  return Uint8Array.from([...groups(head), ...zeros, ...groups(tail)].flatMap((group) => [group >> 8, group & 0xff]))
}
