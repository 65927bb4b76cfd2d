// Starts a real Bluesky server (PDS) with its directory of accounts (PLC), both in this process and on loopback only.
// All settings come from the environment (PDS_…, PLC_PORT); it says "ready" when both answer.
'use strict'
const net = require('node:net')

// Neither server can be told its address: both would listen on all networks.
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (port, ...rest) {
  const done = rest.filter((each) => typeof each === 'function')
  return listen.call(this, { port: Number(port), host: '127.0.0.1' }, ...done)
}

const { Database, PlcServer } = require('@did-plc/server')
const { PDS, envToCfg, envToSecrets, readEnv } = require('@atproto/pds')

async function main () {
  await PlcServer.create({ db: Database.mock(), port: Number(process.env.PLC_PORT) }).start()
  const env = readEnv()
  const pds = await PDS.create(envToCfg(env), envToSecrets(env))
  await pds.start()
  console.log('ready')
  // Who started us went away: so do we.
  process.stdin.on('end', () => process.exit(0)).resume()
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
