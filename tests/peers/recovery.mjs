// The official client loses its connection and comes back; between the two halves the test restarts the hub.
import assert from "node:assert/strict";
import readline from "node:readline";
import { io } from "socket.io-client";

const url = process.argv[2].replace("ws://", "http://");
const options = { forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 50, ...JSON.parse(process.argv[3]) };
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const once = (emitter, event) => new Promise((done) => emitter.once(event, (...args) => done(args)));

const socket = io(url, options);
const heard = [];
let wanted = 0;
let enough = () => {};
socket.on("chat message", (text) => {
  heard.push(text);
  if (heard.length >= wanted) enough();
});
const hears = (count) =>
  new Promise((done) => {
    wanted = count;
    enough = done;
    if (heard.length >= count) done();
  });

await once(socket, "connect");
assert.equal(socket.recovered, false);
const { id } = socket;
await socket.emitWithAck("join", "room");
const other = io(url, { ...options, auth: {} });
await once(other, "connect");
await other.emitWithAck("pub", { rooms: ["room"], event: "chat message", data: "one" });
await hears(1);

// A connection that breaks.
let back = once(socket, "connect");
socket.io.engine.close();
await other.emitWithAck("pub", { rooms: ["room"], event: "chat message", data: "two" });
await other.emitWithAck("pub", { rooms: ["elsewhere"], event: "chat message", data: "not for it" });
await back;
assert.equal(socket.recovered, true);
assert.equal(socket.id, id);
await hears(2);
other.close();

// A hub that is restarted.
const gone = once(socket, "disconnect");
back = once(socket, "connect");
console.log("restart");
await gone;
await lines.next();
await back;
assert.equal(socket.recovered, true);
assert.equal(socket.id, id);
await hears(3);
assert.deepEqual(heard, ["one", "two", "three"]);

// Who says goodbye starts afresh.
socket.disconnect();
socket.connect();
await once(socket, "connect");
assert.equal(socket.recovered, false);
assert.notEqual(socket.id, id);
socket.close();
lines.return?.();
process.stdin.destroy();
