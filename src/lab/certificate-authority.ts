import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { request } from './http.js'
import type { Lab } from './lab.js'
import { waitForListener } from './wait-for-listener.js'

/** A running ACME server, its validators and its DNS, all in the lab's validator namespace. */
export interface CertificateAuthority {
  /** The ACME directory, for a client in the server namespace. */
  readonly directoryUrl: string
  /** A PEM file with the certificate of the ACME server itself, for clients that verify it. */
  readonly caBundle: string
  /** The address of its DNS for the server namespace, at port 53. */
  readonly dnsServer: string
  /** Answers A queries for this host; without addresses there are no A records. */
  setIpv4(host: string, addresses: readonly string[]): Promise<void>
  /** Answers AAAA queries for this host in the same way. */
  setIpv6(host: string, addresses: readonly string[]): Promise<void>
  /** Returns pebble's output so far: which URLs its validators requested, and what became of each authorization. */
  logs(): string
}

/** What every name resolves to for which nothing else is set. */
export interface CertificateAuthorityOptions {
  /** The lab server's IPv4 address unless said; false: no A record. */
  readonly defaultIpv4?: string | false
  /**
   * No AAAA record unless said; true: the lab server's IPv6 address. Pebble tries IPv6 first and does not fall back.
   */
  readonly defaultIpv6?: boolean
  /** The port its validators connect to, 80 unless said. */
  readonly httpPort?: number
  /** The port on loopback where its validators ask the DNS, its own unless said; a test may put something between. */
  readonly resolverPort?: number
}

const acmePort = 14000
const managementPort = 15000
/** Where its DNS is on loopback of the validator namespace. */
export const dnsPort = 8053
const dnsManagementPort = 8055

/** Starts pebble and pebble-challtestsrv; the ACME directory answers when this resolves. */
export async function startCertificateAuthority(
  lab: Lab,
  options: CertificateAuthorityOptions = {},
): Promise<CertificateAuthority> {
  const { validator, server } = lab
  const directory = await mkdtemp(join(lab.directory, 'pebble-'))
  const defaultIpv4 = options.defaultIpv4 ?? server.addresses.ipv4
  const defaultIpv6 = options.defaultIpv6 === true ? server.addresses.ipv6 : ''
  const caBundle = await makeCertificate(lab, directory)
  const configuration = {
    pebble: {
      listenAddress: `${validator.addresses.ipv4}:${acmePort}`,
      managementListenAddress: `127.0.0.1:${managementPort}`,
      certificate: caBundle,
      privateKey: join(directory, 'key.pem'),
      httpPort: options.httpPort ?? 80,
      tlsPort: 443,
      ocspResponderURL: '',
      externalAccountBindingRequired: false,
    },
  }
  await writeFile(join(directory, 'pebble.json'), JSON.stringify(configuration))

  const dns = validator.spawn([
    'pebble-challtestsrv',
    // It answers DNS only. The challenges are answered by what the lab is there to test.
    ...['-http01', '', '-https01', '', '-tlsalpn01', ''],
    ...[
      '-dns01',
      `127.0.0.1:${dnsPort},${validator.addresses.ipv4}:53`,
      '-management',
      `127.0.0.1:${dnsManagementPort}`,
    ],
    ...['-defaultIPv4', defaultIpv4 === false ? '' : defaultIpv4, '-defaultIPv6', defaultIpv6],
  ])
  const acme = validator.spawn(
    ['pebble', '-config', join(directory, 'pebble.json'), '-dnsserver', `127.0.0.1:${options.resolverPort ?? dnsPort}`],
    {
      // No random delay before a validation, no rejected nonces, no authorization kept from an earlier order.
      env: { PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0', PEBBLE_AUTHZREUSE: '0' },
    },
  )
  await Promise.all([
    waitForListener(dns, dnsManagementPort),
    waitForListener(dns, dnsPort),
    waitForListener(acme, acmePort),
  ])

  const setRecords = async (path: string, host: string, addresses: readonly string[]): Promise<void> => {
    const body = JSON.stringify({ host, addresses })
    const response = await request(validator, {
      address: '127.0.0.1',
      port: dnsManagementPort,
      method: 'POST',
      path,
      body,
    })
    if (response.status !== 200) throw new Error(`pebble-challtestsrv refused ${path} ${body}: ${response.head}`)
  }
  return {
    directoryUrl: `https://${validator.addresses.ipv4}:${acmePort}/dir`,
    caBundle,
    dnsServer: validator.addresses.ipv4,
    setIpv4: (host, addresses) => setRecords(addresses.length === 0 ? '/clear-a' : '/add-a', host, addresses),
    setIpv6: (host, addresses) => setRecords(addresses.length === 0 ? '/clear-aaaa' : '/add-aaaa', host, addresses),
    logs: () => acme.output(),
  }
}

/**
 * Makes a self-signed certificate for pebble's own HTTPS, strict enough for the checks of Python 3.13. Resolves with
 * its path.
 */
async function makeCertificate({ validator }: Lab, directory: string): Promise<string> {
  const extensions = [
    '[req]',
    'distinguished_name = name',
    'x509_extensions = extensions',
    'prompt = no',
    '[name]',
    'CN = certbot-nfq lab',
    '[extensions]',
    `subjectAltName = IP:${validator.addresses.ipv4}`,
    'basicConstraints = critical, CA:TRUE',
    'keyUsage = critical, digitalSignature, keyCertSign',
    'subjectKeyIdentifier = hash',
    'authorityKeyIdentifier = keyid',
  ]
  const [configuration, key, certificate] = ['openssl.cnf', 'key.pem', 'certificate.pem'].map((name) =>
    join(directory, name),
  ) as [string, string, string]
  await writeFile(configuration, `${extensions.join('\n')}\n`)
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key]
  await validator.exec([
    'openssl',
    'req',
    '-x509',
    ...newKey,
    '-days',
    '2',
    '-config',
    configuration,
    '-out',
    certificate,
  ])
  return certificate
}
