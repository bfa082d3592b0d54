// Socket.IO's chat example: what one says, everyone hears.
import assert from "node:assert/strict";
import { io } from "socket.io-client";

const url = process.argv[2].replace("ws://", "http://");
const connect = () => io(url, { transports: ["websocket"], forceNew: true });
const heard = (socket) => new Promise((done) => socket.on("chat message", done));

const [alice, bob] = [connect(), connect()];
for (const socket of [alice, bob]) {
  await new Promise((done) => socket.on("connect", done));
}
const all = Promise.all([alice, bob].map(heard));
alice.emit("chat message", "hello");
assert.deepEqual(await all, ["hello", "hello"]);
for (const socket of [alice, bob]) socket.close();
