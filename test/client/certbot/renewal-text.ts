import fc from 'fast-check'

/** A renewal configuration as certbot 2.1 writes it, with comments of a user. */
export const WEBROOT = `# renew_before_expiry = 30 days
version = 2.1.0
archive_dir = /etc/letsencrypt/archive/example.com
cert = /etc/letsencrypt/live/example.com/cert.pem

# Options used in the renewal process
[renewalparams]
account = 0123456789abcdef
# by hand
authenticator = webroot # until May
server = https://acme-v02.api.letsencrypt.org/directory
webroot_path = /var/www/html,

key_type = ecdsa
[[webroot_map]]
example.com = /var/www/html
authenticator = not this one
`

/** What one value can be: one line, and not with every kind of quotes in it. */
export const item: fc.Arbitrary<string> = fc
  .string({ unit: fc.constantFrom(...'ab/-.=:%()$ ,#\'"\\;[]'), maxLength: 12 })
  .filter((text) => ['"', "'", '"""', "'''"].some((quote) => !text.includes(quote) && !text.endsWith(quote.charAt(0))))

/** A string, or a list, whose items cannot have both kinds of quotes in them. */
export const value: fc.Arbitrary<string | string[]> = fc.oneof(
  item,
  fc.array(
    item.filter((text) => !(text.includes('"') && text.includes("'"))),
    { minLength: 1, maxLength: 4 },
  ),
)
