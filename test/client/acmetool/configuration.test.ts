import t from 'tap'
import { configuration } from '../../../src/client/acmetool/configuration.js'
import { machineWith, useOf } from '../configuration.js'

const file = '/etc/acme/hooks/certbot-nfq'
const hook = useOf('acmetool', { variables: ['CERTBOT_NFQ_PORT=8080'] })
const script = configuration.plan('/etc/acme/hooks', hook, () => undefined)[0]?.after ?? ''

t.test('one file is made, which can be made again', (t) => {
  t.match(
    script,
    /^#!\/bin\/sh\n# Written by .*\nexport CERTBOT_NFQ_PORT=8080\nexec \/etc\/certbot-nfq\/acmetool "\$@"\n$/,
  )
  t.strictSame(
    configuration.plan('/etc/acme/hooks', hook, () => undefined),
    [{ path: file, before: undefined, after: script }],
  )
  t.strictSame(
    configuration.plan('/etc/acme/hooks', hook, () => script),
    [],
  )
  t.match(
    configuration.plan('/etc/acme/hooks', useOf('acmetool'), () => script),
    [{ before: script, after: /acmetool/ }],
  )
  t.throws(() => configuration.plan('/etc/acme/hooks', hook, () => '#!/bin/sh\n'), { code: 'other-hook' })
  t.end()
})

t.test('doctor: the hook has to be there, and its unit has to allow it or a responder to run', (t) => {
  const ours = { [file]: script, '/etc/certbot-nfq/acmetool': '' }
  const examine = (files: Record<string, string>, isServed = false) =>
    configuration.examine(machineWith('acmetool', files, isServed))
  const unit = {
    '/lib/systemd/system/acmetool.service': '[Service]\nCapabilityBoundingSet=CAP_CHOWN CAP_NET_BIND_SERVICE\n',
  }
  t.strictSame(examine({ ...unit, '/etc/acme/hooks/reload': '#!/bin/sh\nexec systemctl reload nginx\n' }), [])
  t.match(examine({ [file]: script }), [{ level: 'fail', message: /not there/ }])
  t.match(examine(ours), [{ level: 'ok' }], 'without a unit')
  t.match(examine({ ...ours, ...unit }), [{ level: 'fail', message: /no CAP_NET_ADMIN/ }])
  t.match(examine({ ...ours, ...unit }, true), [{ level: 'ok' }], 'where a responder runs')
  const dropIn = {
    '/etc/systemd/system/acmetool.service.d/more.conf': '[Service]\nCapabilityBoundingSet=CAP_NET_ADMIN\n',
  }
  t.match(examine({ ...ours, ...unit, ...dropIn }), [{ level: 'ok' }], 'or a drop-in allows it')
  t.end()
})

t.test('who uses the hook is found in each hooks directory', (t) => {
  const other = '/usr/lib/acme/hooks/mine'
  const files = {
    [file]: script,
    [other]: 'exec "/etc/certbot-nfq/acmetool" "$@"\n',
    '/etc/acme/hooks/x': 'exec true\n',
  }
  t.strictSame(configuration.users(machineWith('acmetool', files)), [file, other])
  t.strictSame(configuration.users(machineWith('acmetool', { '/etc/acme/hooks/x': 'exec true\n' })), [])
  t.end()
})
