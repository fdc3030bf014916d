/** What of a client's configuration makes it use its hook. Every client has one of these. */

/** The hook, as it goes into a configuration. */
export interface HookUse {
  readonly path: string
  /** The path as a word of sh. */
  readonly word: string
  /** Options of the hook as variables, `NAME=value`, each a word of sh. */
  readonly variables: readonly string[]
  /** The other hook that is run after ours. */
  readonly then: string | undefined
}

/** A change of one file, found but not made. */
export interface FileChange {
  readonly path: string
  /** Undefined when the file is to be made. Then anybody may run it. */
  readonly before: string | undefined
  readonly after: string
}

/** Returns the text of a file; undefined when there is none. @throws Failure when it cannot be read */
export type ReadText = (path: string) => string | undefined

/** The configuration of a client. */
export interface ClientConfiguration {
  /** What --adopt takes for this client, and what it usually is. */
  readonly place: { readonly what: string; readonly usual: string }
  /**
   * Finds what has to change at this place. Empty when nothing has to.
   * @throws Failure `client-configuration`, `other-hook`
   */
  plan(place: string, hook: HookUse, read: ReadText): FileChange[]
  /** Returns how a person does the same. */
  instructions(hook: HookUse): string[]
  /** Returns the files of this machine's usual places that make the client use our hook. */
  users(facts: MachineFacts): string[]
  /** Returns what `doctor` says, of this machine's usual places: what would make a validation fail, and what to do. */
  examine(facts: MachineFacts): Remark[]
}

/** What a configuration is examined with. */
export interface MachineFacts {
  readonly read: ReadText
  readonly list: (directory: string) => readonly string[]
  readonly exists: (path: string) => boolean
  /** Whether a path is our hook for this client, or leads to it. */
  readonly isOurs: (path: string) => boolean
  /** Whether a responder serves that stays. */
  readonly isServed: boolean
}

/** One thing that was found. */
export interface Remark {
  readonly level: 'ok' | 'warn' | 'fail'
  readonly message: string
  /** Absent with `ok`. */
  readonly fix?: string
}
