import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { failsWith } from '../cli/command.js'
import { adoptable } from '../client/certbot/adoptable.js'
import { WEBROOT } from '../client/certbot/renewal-text.js'
import { requiresKernel } from '../requires-kernel.js'

/** Three pages of the file system. */
const text = `${WEBROOT}# ${'x'.repeat(10_024 - WEBROOT.length)}\n`

/**
 * In a mount namespace of its own: puts a small file system over the directory of lineages ($1), with the file of $2 in
 * it, and fills it but for $3 pages and $4 files. Then runs the rest, and copies to $2.after what is there.
 */
const onSmallDisk = `
set -e
renewal=$1 outside=$2 pages=$3 files=$4
shift 4
mount -t tmpfs -o size=1m,nr_inodes=40 tmpfs "$renewal"
cp "$outside" "$renewal/example.com.conf"
chmod 640 "$renewal/example.com.conf"
for n in $(seq $(($(stat -f -c %d "$renewal") - files))); do mkdir "$renewal/.$n"; done
[ "$pages" = all ] || mount -o remount,size=$((12288 + pages * 4096)) "$renewal"
status=0
"$@" || status=$?
mkdir "$outside.after"
cp -p "$renewal"/example* "$outside.after"
ls -A "$renewal" | grep -v '^\\.[0-9]*$' >"$outside.ls"
exit $status
`

t.test(
  'a renewal configuration on a disk that is nearly full is replaced whole, or stays',
  await requiresKernel('unshare'),
  async (t) => {
    const rooms = [
      ...[0, 1, 2, 3, 4, 5, 6, 7].map((pages) => ({ pages: String(pages), files: 20 })),
      ...[0, 1, 2, 3].map((files) => ({ pages: 'all', files })),
    ]
    const outcomes = []
    for (const { pages, files } of rooms) {
      const what = `room for ${pages} pages and ${files} files`
      const { install, config, renewal } = adoptable(t)
      const outside = join(config, 'outside')
      writeFileSync(outside, text)
      const words = [
        'unshare',
        '--mount',
        'sh',
        '-c',
        onSmallDisk,
        'sh',
        join(config, 'renewal'),
        outside,
        pages,
        String(files),
      ]
      const ended = await install(['--adopt', 'example.com'], words)
      const there = readFileSync(`${outside}.ls`, 'utf8').trim().split('\n')
      const now = readFileSync(join(`${outside}.after`, 'example.com.conf'), 'utf8')
      t.equal(readFileSync(renewal, 'utf8'), WEBROOT, 'only the small disk was changed')
      outcomes.push(ended.exitCode)
      if (ended.exitCode === 0) {
        t.match(ended.stdout, /^Changed /m, what)
        t.strictSame(there, ['example.com.conf', 'example.com.conf.before-certbot-nfq'], what)
        t.equal(readFileSync(join(`${outside}.after`, 'example.com.conf.before-certbot-nfq'), 'utf8'), text, what)
        t.match(now, /^manual_auth_hook = .*\/auth$/m, what)
        t.ok(now.endsWith(text.slice(-9_000)), what)
      } else {
        const { exitCode, stderr } = ended
        failsWith(t, { exitCode, stdout: '', stderr }, 'disk-full', what)
        t.notMatch(ended.stdout, /^Changed /m, what)
        t.strictSame(there, ['example.com.conf'], what)
        t.equal(now, text, what)
      }
    }
    t.strictSame(outcomes, [1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0], 'twice three pages, and two files, are what it takes')
  },
)
