import type { Packet } from '../../src/rules-read/packet.js'

/** A validator's SYN to port 80 of a machine with one uplink. */
export const ipv4: Packet = { version: 4, port: 80, destinations: ['203.0.113.5'], devices: ['eth0'] }
export const ipv6: Packet = { version: 6, port: 80, destinations: ['2001:db8::5'], devices: ['eth0'] }
