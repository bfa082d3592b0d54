// The other server of benches/fanout.sh: npm's socket.io. It relays an event as roomcat relays one that hub.toml does not declare.
import { createServer } from "node:http";
import { createRequire } from "node:module";

const { Server } = createRequire(new URL("../tests/peers/", import.meta.url))("socket.io");
const server = createServer();
const io = new Server(server, { transports: ["websocket"], serveClient: false });
io.on("connection", (socket) => socket.on("chat", (message) => io.emit("chat", message)));
// Before memory is measured: garbage does not belong to the connections.
process.on("SIGUSR2", () => gc());
server.listen(0, "127.0.0.1", () => console.log(`listening on ws://127.0.0.1:${server.address().port}`));
