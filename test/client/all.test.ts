import t from 'tap'
import type { Challenge } from '../../src/challenge/challenge.js'
import { armAll, disarmAll } from '../../src/client/all.js'
import type { Disarmed } from '../../src/client/disarm.js'

const tokens = Array.from({ length: 100 }, (_, at) => `token-${String(at).padStart(12, '0')}`)
const challenges = tokens.map((token): Challenge => ({
  token,
  keyAuthorization: `${token}.x`,
  identifier: 'a.example',
}))
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
const nobody = () => Promise.reject(new Error('nothing is to be disarmed'))

t.test('the first one goes ahead, and the others follow a few at a time', async (t) => {
  let [running, most] = [0, 0]
  const armed: string[] = []
  const order = { token: 'x-self-check', keyAuthorization: 'x', ports: [80], families: [4] } as const
  const armOne = async ({ token }: Challenge) => {
    if (token !== tokens[0]) t.ok(armed.includes(tokens[0] ?? ''), 'after the first')
    most = Math.max(most, ++running)
    await turn()
    running--
    armed.push(token)
    return token === tokens[0] ? order : undefined
  }
  t.strictSame(await armAll(challenges, armOne, nobody), order)
  t.strictSame([...armed].sort(), tokens)
  t.ok(most > 1 && most <= 32, String(most))
  t.equal(await armAll([], armOne, nobody), undefined)
})

t.test('when one cannot be armed, those that were are disarmed, and no more are tried', async (t) => {
  const armed = new Set<string>()
  const armOne = async ({ token }: Challenge) => {
    await turn()
    if (token === tokens[40]) throw new Error('no room')
    armed.add(token)
    return undefined
  }
  await t.rejects(
    armAll(challenges, armOne, async (token) => armed.delete(token)),
    { message: 'no room' },
  )
  t.strictSame([...armed], [])
  const stubborn = () => Promise.reject(new Error('and nothing can be disarmed'))
  await t.rejects(armAll(challenges, armOne, stubborn), { message: 'no room' }, 'the cause comes first')
  t.ok(armed.size > 0 && armed.size < 100, `${armed.size} were armed`)
})

t.test('one alone that cannot be armed is not disarmed', async (t) => {
  await t.rejects(
    armAll(challenges.slice(0, 1), () => Promise.reject(new Error('no room')), nobody),
    { message: 'no room' },
  )
})

t.test('the last one is disarmed when all others are, and the results come in their order', async (t) => {
  const done: string[] = []
  const disarmed = await disarmAll(tokens, async (token) => {
    if (token === tokens.at(-1)) t.equal(done.length, 99)
    await turn()
    done.push(token)
    return { token } as Disarmed
  })
  t.strictSame(
    disarmed.map((one) => (typeof one === 'object' ? one.token : one)),
    tokens,
  )
})

t.test('what fails keeps no other from being disarmed', async (t) => {
  const tried: string[] = []
  const failing = disarmAll(tokens, async (token) => {
    tried.push(token)
    if (token === tokens[0] || token === tokens[50]) throw new Error(token)
    return 'unknown'
  })
  await t.rejects(failing, { message: tokens[0] ?? '' })
  t.strictSame([...tried].sort(), tokens)
})

t.test('where there is no responder one question is enough', async (t) => {
  let asked = 0
  const disarmed = await disarmAll(tokens, async () => {
    asked++
    return 'absent'
  })
  t.equal(asked, 1)
  t.ok(disarmed.length === 100 && disarmed.every((one) => one === 'absent'))
})
