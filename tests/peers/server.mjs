// The reference server: `server.mjs PORT OPTIONS`. Says on stdout what it sees, a JSON array a line, and does what it reads
// on stdin, a JSON object a line.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Server } from "socket.io";

const [port, options] = process.argv.slice(2);
const { path, recovery } = JSON.parse(options);
const http = createServer();
const io = new Server(http, {
  ...(path ? { path } : {}),
  ...(recovery ? { connectionStateRecovery: {} } : {}),
});

const legible = (_, value) =>
  value?.type === "Buffer" ? { base64: Buffer.from(value.data).toString("base64") } : value;
const say = (...what) => console.log(JSON.stringify(what, legible));

for (const name of ["/", "/admin", "/closed"]) {
  const namespace = io.of(name);
  if (name === "/closed") {
    namespace.use((_socket, next) => next(new Error("not for you")));
  }
  namespace.on("connection", (socket) => {
    const { auth, query, headers } = socket.handshake;
    const { token, as, roomcat } = auth;
    const { room } = query;
    const { host, "x-test": header } = headers;
    say("connected", name, { token, as, roomcat, room, header, host, recovered: socket.recovered });
    // Something that a client which is only here to emit does not read.
    socket.emit("welcome");
    socket.onAny((event, ...args) => {
      const ack = typeof args.at(-1) === "function" ? args.pop() : undefined;
      say("event", name, event, ...args);
      if (event !== "never answered") ack?.(...args);
    });
    // Unlike those of onAny, a handler of its own is not called once the client has left.
    socket.on("handled", (...args) => say("handled", name, ...args));
    socket.on("disconnect", (reason) => say("gone", name, reason));
  });
}

const orders = {
  emit: ([event, ...args]) => io.emit(event, ...args),
  bytes: ([event, ...bytes]) => io.emit(event, Buffer.from(bytes), 1),
  // Every socket is to answer.
  ask: ([event, ...args]) => {
    for (const [, socket] of io.of("/").sockets) {
      socket.emit(event, ...args, (...answer) => say("answer", ...answer));
    }
  },
  // As a proxy that is restarted does it.
  cut: () => io.of("/").sockets.forEach((socket) => socket.conn.close()),
  kick: () => io.disconnectSockets(),
};

createInterface({ input: process.stdin }).on("line", (line) => {
  for (const [order, argument] of Object.entries(JSON.parse(line))) orders[order](argument);
});
process.stdin.on("end", () => process.exit(0));
http.listen(Number(port), "127.0.0.1", () => say("listening", http.address().port));
