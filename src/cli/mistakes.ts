/** What people type instead of a command line, and what they most likely mean. Pure. */
import { Failure } from '../failure.js'
import { COMMAND_SPECS, optionsShown, type CommandName } from './commands.js'
import { nearest } from './nearest.js'
import { OPTION_SPECS } from './options.js'

const COMMANDS = Object.keys(COMMAND_SPECS)

/**
 * Returns the arguments with every wish for help as `--help` after the command that it is about: no argument at all,
 * `help`, `help COMMAND`.
 * @throws Failure `bad-option` for help about a command that does not exist
 */
export function readHelp(argv: readonly string[]): string[] {
  const [first, about, ...more] = argv
  if (first === undefined) return ['--help']
  if (first !== 'help') return [...argv]
  if (about === undefined || about.startsWith('-')) return ['--help']
  if (!isCommand(about)) throw new Failure('bad-option', noCommand(about))
  if (more.length > 0) throw new Failure('bad-option', 'help takes one command')
  return [about, '--help']
}

/**
 * Returns what is wrong with the arguments. `complaint` is yargs' own sentence, which is returned where nothing better
 * is known.
 */
export function describeMistake(complaint: string, argv: readonly string[]): string {
  const [, valueless] = /^Not enough arguments following: (.+)$/.exec(complaint) ?? []
  if (valueless !== undefined) return `${valueless.length === 1 ? '-' : '--'}${valueless} takes a value`
  const [, listed] = /^Unknown (?:argument|command)s?: (.+)$/.exec(complaint) ?? []
  if (listed === undefined) return complaint
  const unknown = listed.split(', ')
  const option = argv.find((word) => unknown.some((name) => isOption(word, name)))
  const command = argv.find(isCommand)
  const [first = ''] = argv
  // Of a command that does not exist no option is known.
  if (command === undefined && unknown.includes(first)) return noCommand(first)
  if (option !== undefined) return noOption(option.replace(/=.*$/s, ''), command)
  const word = unknown[0] ?? ''
  if (command === undefined) return noCommand(word)
  if (isCommand(word)) return `one command at a time: ${command} or ${word}`
  return `${command} takes no argument ${JSON.stringify(word)}`
}

function noCommand(word: string): string {
  return `there is no command ${JSON.stringify(word)}${meant(nearest(word, COMMANDS))}`
}

function noOption(option: string, command: CommandName | undefined): string {
  const shown = command === undefined ? [] : optionsShown(command).map(([name]) => name)
  const guess = nearest(option.replace(/^-+/, ''), [
    ...new Set([...shown, ...Object.keys(OPTION_SPECS), 'help', 'version']),
  ])
  const whose = command === undefined ? 'there is no option' : `${command} has no option`
  return `${whose} ${JSON.stringify(option)}${meant(guess && `--${guess}`)}`
}

function meant(guess: string | undefined): string {
  return guess ? `: did you mean ${guess}?` : ''
}

/** Returns whether a word is the option that yargs names without its dashes. */
function isOption(word: string, name: string): boolean {
  return word === `--${name}` || word.startsWith(`--${name}=`) || (name.length === 1 && /^-[^-]/.test(word))
}

function isCommand(word: string): word is CommandName {
  return Object.hasOwn(COMMAND_SPECS, word)
}
