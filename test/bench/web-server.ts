/** nginx as on a busy server: no access log, kept connections, sendfile; and a place for uploads. */
import { mkdir, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Lab } from '../../src/lab/lab.js'
import type { Challenge } from '../scenarios/challenge.js'

/** Port 80 is what hooks arm; the other serves the same, and nothing is ever armed there. */
export const port = 80
export const unarmedPort = 8080

/** Bytes of the file at `/download`: 100 MB. */
export const downloadLength = 100_000_000

/** The directory of its files. */
export function webRoot(lab: Lab): string {
  return join(lab.directory, 'nginx', 'root')
}

/**
 * Starts it in the lab's server namespace; it accepts connections when this resolves. `/` is a small page, the
 * challenge is a file on disk.
 */
export async function startWebServer(lab: Lab, { path, keyAuthorization }: Challenge): Promise<void> {
  const prefix = join(lab.directory, 'nginx')
  const root = webRoot(lab)
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, 'index.html'), 'served by nginx\n')
  await writeFile(join(root, path), keyAuthorization)
  await writeFile(join(root, 'download'), '')
  await truncate(join(root, 'download'), downloadLength)
  await writeFile(join(prefix, 'nginx.conf'), configuration(prefix))
  const service = lab.server.spawn(['nginx', '-p', prefix, '-c', join(prefix, 'nginx.conf'), '-e', 'stderr'])
  await service.waitForOutput(/start worker process \d/)
}

/**
 * An upload is read whole, into memory, before the request goes on without its body to a second server behind a Unix
 * socket, which answers 200: so the answer means that all of it has come.
 */
function configuration(prefix: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `  ${name}_temp_path ${prefix}/${name};`,
  )
  return `
daemon off;
user root;
worker_processes 2;
pid ${prefix}/nginx.pid;
error_log stderr notice;
events { worker_connections 1024; }
http {
${temporary.join('\n')}
  access_log off;
  error_log stderr crit;
  sendfile on;
  keepalive_requests 1000000000;
  client_max_body_size 64m;
  client_body_buffer_size 64m;
  default_type text/plain;
  server {
    listen 0.0.0.0:${port} backlog=4096;
    listen 0.0.0.0:${unarmedPort} backlog=4096;
    root ${prefix}/root;
    location = /upload {
      proxy_pass http://unix:${prefix}/sink:/;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
    }
  }
  server {
    listen unix:${prefix}/sink;
    return 200 "all read";
  }
}
`
}
