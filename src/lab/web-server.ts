import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lab, Namespace, Service } from './lab.js'

/** A running nginx, which knows nothing of challenges. */
export interface WebServer {
  readonly port: number
  /** Its answer with status 200 to any path, unless there is a file of that path in `root`. */
  readonly body: string
  /** The directory it serves. */
  readonly root: string
  /** Its root for a client in the lab: the IPv4 address of its namespace. */
  readonly url: string
  /**
   * Returns the request line of every request so far, oldest first; empty for a connection that never sent a complete
   * one.
   */
  requests(): Promise<string[]>
  /** Returns its error log so far, at level info. Resets by clients are in it. */
  errorLog(): string
  readonly service: Service
}

/** Where nginx listens and what it serves. */
export interface WebServerOptions {
  /** The lab's server unless said. */
  readonly namespace?: Namespace
  /** 80 unless said. */
  readonly port?: number
  readonly body?: string
  /** Whether it speaks TLS, with a certificate that is signed by itself. */
  readonly isTls?: boolean
}

/** Starts nginx on all IPv4 and IPv6 addresses of a namespace; it accepts connections when this resolves. */
export async function startWebServer(lab: Lab, options: WebServerOptions = {}): Promise<WebServer> {
  const { namespace = lab.server, port = 80, body = 'served by nginx\n', isTls = false } = options
  const prefix = await mkdtemp(join(lab.directory, 'nginx-'))
  await writeFile(join(prefix, 'nginx.conf'), configuration(prefix, port, isTls))
  if (isTls) await makeKey(namespace, prefix)
  const root = join(prefix, 'root')
  await mkdir(root)
  await writeFile(join(root, 'body'), body)
  const service = namespace.spawn(['nginx', '-p', prefix, '-c', join(prefix, 'nginx.conf'), '-e', 'stderr'])
  // The sockets listen before the first worker starts.
  await service.waitForOutput(/start worker process \d/)
  return {
    port,
    body,
    root,
    url: `${isTls ? 'https' : 'http'}://${namespace.addresses.ipv4}${port === (isTls ? 443 : 80) ? '' : `:${port}`}/`,
    requests: async () => (await readFile(join(prefix, 'access.log'), 'utf8')).split('\n').slice(0, -1),
    errorLog: () => service.output(),
    service,
  }
}

/** Makes a certificate that is signed by itself, and its key, on P-256. */
async function makeKey(namespace: Namespace, prefix: string): Promise<void> {
  const key = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    join(prefix, 'key.pem'),
  ]
  const subject = ['-subj', '/CN=nginx', '-days', '2']
  await namespace.exec(['openssl', 'req', '-x509', ...key, ...subject, '-out', join(prefix, 'cert.pem')])
}

/**
 * Returns a configuration in which nothing points outside the prefix, so that an nginx that is configured on this
 * machine is not affected.
 */
function configuration(prefix: string, port: number, isTls: boolean): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `  ${name}_temp_path ${prefix}/${name};`,
  )
  return `
daemon off;
user root;
worker_processes 2;
pid ${prefix}/nginx.pid;
error_log stderr info;
events { worker_connections 256; }
http {
${temporary.join('\n')}
  log_format request_line '$request';
  access_log ${prefix}/access.log request_line;
  server {
    listen 0.0.0.0:${port}${isTls ? ' ssl' : ''};
    listen [::]:${port} ipv6only=on${isTls ? ' ssl' : ''};
${isTls ? `    ssl_certificate ${prefix}/cert.pem;\n    ssl_certificate_key ${prefix}/key.pem;\n` : ''}\
    root ${prefix}/root;
    default_type text/plain;
    location / { try_files $uri /body =404; }
  }
}
`
}
