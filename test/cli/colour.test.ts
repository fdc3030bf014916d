import t from 'tap'
import { paintFor, showsColour } from '../../src/cli/colour.js'

t.test('colours are for terminals that show them, and not for who has set NO_COLOR', (t) => {
  t.equal(showsColour({ isTTY: true }, {}), true)
  t.equal(showsColour({ isTTY: true }, { TERM: 'xterm', NO_COLOR: '' }), true, 'an empty NO_COLOR is not set')
  t.equal(showsColour({ isTTY: true }, { NO_COLOR: '1' }), false)
  t.equal(showsColour({ isTTY: true }, { TERM: 'dumb' }), false)
  t.equal(showsColour({}, {}), false)
  t.end()
})

t.test('what is painted goes back to the colour before', (t) => {
  t.equal(paintFor({ isTTY: true }, {})('red', 'fail'), '\u001b[31mfail\u001b[39m')
  t.equal(paintFor({ isTTY: false }, {})('red', 'fail'), 'fail')
  t.end()
})
