/** One challenge request, as a validator would make it. */
import { CHALLENGE_PATH } from '../../wire/http/http.js'
import { askByTls } from './ask-by-tls.js'
import { askName } from './ask-name.js'
import { bracketed, openConnection, type Asking, type Question } from './asking.js'

/** Starts a request. */
export function ask(question: Question): Asking {
  if (question.type === 'tls-alpn-01') return askByTls(question)
  return question.type === 'dns-01' ? askName(question) : askByHttp(question)
}

function askByHttp(question: Question): Asking {
  const { address, token, keyAuthorization, host } = question
  let received = ''
  const { socket, asking, conclude } = openConnection(question)
  socket.setEncoding('latin1')
  socket.on('connect', () => {
    socket.write(
      `GET ${CHALLENGE_PATH}${token} HTTP/1.1\r\nHost: ${bracketed(host ?? address)}\r\nUser-Agent: certbot-nfq self-check\r\nConnection: close\r\n\r\n`,
    )
  })
  socket.on('data', (text: string) => {
    received += text
    if (received.startsWith('HTTP/1.1 200 ') && received.endsWith(`\r\n\r\n${keyAuthorization}`)) conclude('answered')
    else if (received.length > 16_384) conclude('other answer')
  })
  socket.on('end', () => conclude('other answer'))
  return asking
}
