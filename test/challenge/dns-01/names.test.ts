import t from 'tap'
import { CHALLENGE_LABEL_LENGTH, challengeName, wireName } from '../../../src/challenge/dns-01/names.js'

t.test('the name that is asked for is in lower case, without the dot at its end', (t) => {
  t.equal(challengeName('Example.COM'), '_acme-challenge.example.com')
  t.equal(challengeName('example.com.'), '_acme-challenge.example.com')
  t.end()
})

t.test('a name in a message is labels with their lengths, and an empty one', (t) => {
  t.same([...wireName('ab.c')], [2, 0x61, 0x62, 1, 0x63, 0])
  t.same([...wireName('')], [0])
  t.equal(wireName('_acme-challenge.x').indexOf(1), CHALLENGE_LABEL_LENGTH, 'what is validated follows the label')
  t.end()
})
