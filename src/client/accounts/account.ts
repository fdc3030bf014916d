/** Accounts at a CA that ACME clients keep on this machine, as every client's room describes them. */

/** A file with an account's key. Nothing of the key itself is here. */
export interface AccountFile {
  readonly path: string
  /** The CA's directory URL, or its host where the client notes no more; undefined where it notes nothing. */
  readonly ca: string | undefined
  /** The account's URL at the CA, where the client notes it. */
  readonly url: string | undefined
}

/** What `certbot-nfq account` knows of a client. */
export interface AccountKeeper {
  /** The client's name, as its users write it. */
  readonly client: string
  /** The directories where the client keeps its configuration by default. `home` is the user's home directory. */
  readonly directories: (home: string) => readonly string[]
  /** Returns the key files below one such directory; none if it is not one of this client's. Never throws. */
  readonly accountsIn: (directory: string) => readonly AccountFile[]
}

/** An account, with public values only. */
export interface Account extends AccountFile {
  readonly client: string
  /** The thumbprint of the account's key (RFC 7638): base64url, 43 characters. */
  readonly thumbprint: string
}
