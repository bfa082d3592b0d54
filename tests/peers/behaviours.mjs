// Our client in a page beside the official one: `behaviours.mjs URL BUNDLE`. Each behaviour tells what it saw, and both
// have to tell the same: at the hub, at the official server, and at one that says nothing.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { Server } from "socket.io";
import { WebSocketServer } from "ws";
import { launch, open } from "./browser.mjs";

const [url, bundle] = process.argv.slice(2);

// The official server, for what the hub has no way to be asked for.
async function officialServer() {
  const http = createServer();
  const server = new Server(http, { connectionStateRecovery: {}, cors: { origin: "*" } });
  server.on("connection", (socket) => {
    socket.on("ask me", () => socket.emit("question", "why?", Buffer.from([1, 2]), (...answer) => socket.emit("answer", ...answer)));
    // What is said while it is away.
    socket.on("disconnect", () => server.emit("missed", socket.handshake.auth.who, "while away"));
    socket.on("tell me", (who) => server.emit("told", who));
    let asked = 0;
    socket.on("second time", (done) => ++asked > 1 && done("now"));
    socket.on("never", () => {});
    socket.on("go", () => socket.disconnect());
    socket.on("go away", () => socket.disconnect(true));
  });
  server.of("/closed").use((_, next) => next(Object.assign(new Error("not you"), { data: { why: 7 } })));
  await new Promise((done) => http.listen(0, "127.0.0.1", done));
  return `http://127.0.0.1:${http.address().port}`;
}

// A server that greets and then sends what it is told to, and no ping.
async function muteServer(...frames) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  const handshake = { sid: "mute", upgrades: [], pingInterval: 50, pingTimeout: 50, maxPayload: 1000 };
  server.on("connection", (socket) => [`0${JSON.stringify(handshake)}`, ...frames].forEach((frame) => socket.send(frame)));
  await new Promise((done) => server.on("listening", done));
  return `http://127.0.0.1:${server.address().port}`;
}

// Runs in the page.
async function tell({ official, mute, broken }) {
  const { io } = globalThis;
  const opened = [];
  const names = {};
  // A name for each run and client: names outlive sockets.
  const named = (name) => (names[name] ??= `${name}-${Math.random()}`);
  const plain = { transports: ["websocket"], forceNew: true, reconnectionDelay: 20, randomizationFactor: 0 };
  const client = (options = {}, address = "/") => {
    const socket = io(address, { ...plain, ...options });
    opened.push(socket);
    return socket;
  };
  const next = (emitter, event) => new Promise((done) => emitter.once(event, (...args) => done(args)));
  const connected = async (options, address) => {
    const socket = client(options, address);
    await next(socket, "connect");
    return socket;
  };
  // Everything that comes of these events until `last` comes.
  const log = (socket, events) => {
    const seen = [];
    for (const event of events) socket.on(event, (...args) => seen.push([event, ...args.map(show)]));
    return seen;
  };
  const show = (value) => {
    if (value instanceof ArrayBuffer) return `ArrayBuffer ${new Uint8Array(value)}`;
    if (value instanceof Error) return `Error ${value.message} ${JSON.stringify(value.data)}`;
    if (Array.isArray(value)) return value.map(show);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, it]) => [key, show(it)]));
    return value;
  };
  const thrown = (action) => {
    try {
      action();
      return "nothing";
    } catch (error) {
      return error.message;
    }
  };

  const behaviours = {
    async connects() {
      const socket = client();
      const before = [socket.connected, socket.disconnected, socket.active, socket.id];
      await next(socket, "connect");
      return [before, socket.connected, socket.disconnected, socket.active, typeof socket.id, Boolean(socket.recovered),
        socket.io.engine.transport.name];
    },
    async echoes() {
      const socket = await connected();
      socket.emit("chat message", "hi", 1, null, { a: [true] }, "ü\u2028\ud83d\ude00");
      return show(await next(socket, "chat message"));
    },
    async sends() {
      const socket = await connected();
      socket.send("hi");
      return next(socket, "message");
    },
    async acknowledges() {
      const socket = await connected();
      const answer = new Promise((done) => socket.emit("join", "lobby", (...args) => done(args)));
      return [await answer, await socket.emitWithAck("join", ["b", "a"]), await socket.timeout(5000).emitWithAck("leave", "b"),
        await new Promise((done) => socket.timeout(5000).emit("leave", "a", (...args) => done(args)))];
    },
    async answers() {
      const name = named("answers");
      const socket = await connected({ auth: { as: name, ack: true } });
      const call = new Promise((done) => socket.once("question", (text, reply) => done([text, typeof reply, reply("first"), reply("second")])));
      socket.emit("question", "why?");
      const told = await call;
      const again = await connected();
      await again.emitWithAck("join", "x");
      return told;
    },
    async timesOut() {
      const socket = client({ autoConnect: false });
      const late = await new Promise((done) => socket.timeout(10).emit("rooms", {}, (...args) => done(args.map(show))));
      const rejected = await socket.timeout(10).emitWithAck("rooms", {}).catch(show);
      const usual = client({ autoConnect: false, ackTimeout: 10 });
      return [late, rejected, await usual.emitWithAck("rooms", {}).catch(show), socket.sendBuffer.length];
    },
    async listensOnceAndNoMore() {
      const socket = await connected();
      const seen = [];
      const listener = (n) => seen.push(["on", n]);
      socket.on("n", listener);
      socket.once("n", (n) => seen.push(["once", n]));
      socket.onAny((event, n) => seen.push(["any", event, n]));
      socket.prependAny((event, n) => seen.push(["first", event, n]));
      socket.onAnyOutgoing((event, n) => seen.push(["out", event, n]));
      const come = async (n) => {
        const came = new Promise((done) => socket.on("n", (it) => it === n && done()));
        socket.emit("n", n);
        await came;
      };
      await come(1);
      await come(2);
      socket.off("n", listener);
      socket.offAny();
      socket.offAnyOutgoing();
      await come(3);
      const has = [socket.hasListeners("n"), socket.listenersAny().length];
      socket.off("n");
      return [seen, has, socket.hasListeners("n"), socket.listeners("n").length];
    },
    async carriesBinary() {
      const socket = await connected();
      const bytes = Uint8Array.of(1, 2, 3, 255);
      socket.emit("binary", bytes.buffer, { deep: [bytes.subarray(1, 3)] }, new Blob([bytes]), "text", new Uint8Array(0));
      const echo = show(await next(socket, "binary"));
      socket.emit("long", new Uint8Array(200_000).fill(7));
      const [long] = await next(socket, "long");
      return [echo, long.byteLength, new Set(new Uint8Array(long)).size];
    },
    async keepsWhatIsSentTooEarly() {
      const socket = client({ autoConnect: false });
      const seen = log(socket, ["n"]);
      for (const n of [1, 2, 3]) socket.emit("n", n);
      socket.volatile.emit("n", "volatile");
      const buffered = socket.sendBuffer.length;
      socket.connect();
      socket.emit("n", 4);
      await new Promise((done) => socket.on("n", (n) => n === 4 && done()));
      return [buffered, seen, socket.sendBuffer.length];
    },
    async sharesAConnection() {
      const shared = { forceNew: false };
      const [root, a, b] = [client(shared, "/"), client(shared, "/a"), client(shared, "/b")];
      await Promise.all([root, a, b].map((socket) => next(socket, "connect")));
      const seen = [root, a, b].map((socket) => log(socket, ["n"]));
      a.emit("n", "in a");
      b.emit("n", "in b");
      root.emit("n", "in root");
      await Promise.all([root, a, b].map((socket) => next(socket, "n")));
      const another = client(shared, "/a");
      a.disconnect();
      const still = [a.io.engine === b.io.engine, b.connected, root.connected];
      return [root.io === a.io, a.io === b.io, another.io === a.io, new Set([root.id, a.id, b.id]).size, seen, still];
    },
    async authenticates() {
      const name = named("auth");
      const object = await connected({ auth: { as: name } });
      let here = false;
      while (!here) {
        const { rooms } = await object.emitWithAck("rooms", { room: "" });
        here = rooms.some(({ members }) => members.some((member) => member.name === name && member.here));
      }
      const called = named("function");
      const calls = [];
      const asked = await connected({ auth: (done) => done({ as: (calls.push(1), called) }) });
      asked.io.engine.close();
      await next(asked, "connect");
      return [here, calls.length];
    },
    async isRefused() {
      const socket = client({ auth: { as: 5 } });
      const [error] = await next(socket, "connect_error");
      return [error instanceof Error, show(error), socket.connected, socket.active];
    },
    async reachesNobody() {
      const attempts = [];
      const socket = client({ reconnectionAttempts: 2, path: "/nowhere" });
      socket.on("connect_error", (error) => attempts.push(error.message, error.type, socket.active));
      for (const event of ["reconnect_attempt", "reconnect_error", "reconnect"]) socket.io.on(event, () => attempts.push(event));
      await next(socket.io, "reconnect_failed");
      return attempts;
    },
    async leaves() {
      const socket = await connected();
      const seen = log(socket, ["disconnect", "connect"]);
      const pending = socket.emitWithAck("rooms", {}).catch(show);
      socket.disconnect();
      const left = [socket.connected, socket.active, socket.id];
      socket.emit("n", "kept");
      socket.open();
      await next(socket, "n");
      return [await pending, left, seen];
    },
    async isSentAway() {
      const name = named("holder");
      const first = await connected({ auth: { as: name } });
      const gone = next(first, "disconnect");
      const second = await connected({ auth: { as: name } });
      return [(await gone)[0], first.active, second.connected];
    },
    async comesBack() {
      const socket = await connected();
      const seen = log(socket, ["disconnect", "connect", "n"]);
      const id = socket.id;
      socket.io.engine.close();
      socket.emit("n", 1);
      socket.volatile.emit("n", "volatile");
      await next(socket, "n");
      return [seen.map(([event, first]) => [event, first]), socket.id !== id, socket.connected];
    },
    async isAskedByTheServer() {
      const socket = await connected({}, official);
      socket.on("question", (text, bytes, reply) => {
        reply(show([text, bytes]), Uint8Array.of(9));
        reply("once more");
      });
      socket.emit("ask me");
      // The server adds an offset.
      return show(await next(socket, "answer")).slice(0, 2);
    },
    async recovers() {
      const who = named("recovers");
      const socket = await connected({ auth: { who } }, official);
      const seen = [];
      socket.on("missed", (...args) => args[0] === who && seen.push(args.slice(1, 2), args.length));
      const told = next(socket, "told");
      socket.emit("tell me", who);
      await told;
      const { id, recovered } = socket;
      socket.io.engine.close();
      await next(socket, "connect");
      return [Boolean(recovered), socket.recovered, socket.id === id, seen];
    },
    async isRefusedByMiddleware() {
      const socket = client({}, `${official}/closed`);
      const [error] = await next(socket, "connect_error");
      return [show(error), socket.active];
    },
    async isDisconnectedByTheServer() {
      const reasons = [];
      for (const event of ["go", "go away"]) {
        const socket = await connected({}, official);
        const gone = next(socket, "disconnect");
        const pending = socket.emitWithAck("never").catch(show);
        socket.emit(event);
        reasons.push((await gone)[0], socket.active, await pending);
      }
      return reasons;
    },
    async asksASecondTime() {
      const socket = await connected({ retries: 2, ackTimeout: 100 }, official);
      const answer = (event) => new Promise((done) => socket.emit(event, (...args) => done(args.map(show))));
      return [await answer("second time"), await answer("never")];
    },
    async noticesSilence() {
      const socket = await connected({}, mute);
      const [reason] = await next(socket, "disconnect");
      return [reason, socket.active];
    },
    async noticesNonsense() {
      const socket = await connected({}, broken);
      const [reason] = await next(socket, "disconnect");
      return [reason, socket.active];
    },
    async triesAgainUntilAnswered() {
      const socket = client({ retries: 3, ackTimeout: 5000, autoConnect: false });
      const answers = [];
      const done = new Promise((resolve) => {
        socket.emit("join", "one", (error, answer) => answers.push([error, answer]));
        socket.emit("join", "two", (error, answer) => resolve(answers.push([error, answer])));
      });
      socket.connect();
      await done;
      return answers;
    },
    async throwsAtReservedNames() {
      const socket = client({ autoConnect: false });
      return ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"].map((event) =>
        thrown(() => socket.emit(event)),
      );
    },
    async survivesAListenerThatThrows() {
      const socket = await connected();
      socket.once("n", () => {
        throw new Error("on purpose");
      });
      socket.emit("n", 1);
      socket.emit("n", 2);
      const [second] = await new Promise((done) => socket.on("n", (n) => n === 2 && done([n])));
      return [second, socket.connected];
    },
    async takesAddresses() {
      const shown = (address, options) => {
        const { nsp, io: manager } = client({ autoConnect: false, ...options }, address);
        return [nsp, manager.uri.replace(location.host, "HERE").replace(/:80$/, "")];
      };
      return [shown("/admin"), shown(`${location.origin}/a/b`), shown(`//${location.host}/c`), shown(`${location.host}/d`)].map(([nsp]) => nsp);
    },
  };

  const told = {};
  for (const [name, behaviour] of Object.entries(behaviours)) {
    const never = new Promise((done) => setTimeout(() => done("never came to an end"), 10_000));
    told[name] = await Promise.race([behaviour().catch((error) => `failed: ${error.stack}`), never]);
    for (const socket of opened.splice(0)) socket.disconnect();
  }
  return told;
}

async function run(browser, script) {
  const page = await open(browser, url);
  await page.addScriptTag(script);
  const told = await page.evaluate(tell, servers);
  return told;
}

const connect = '40{"sid":"mute"}';
const servers = {
  official: await officialServer(),
  mute: await muteServer(connect),
  broken: await muteServer(connect, '42["x"', '42["never shown"]'),
};
const browser = await launch();
const [ours, official] = [await run(browser, { url: "/socket.io/socket.io.js" }), await run(browser, { path: bundle })];
for (const [name, told] of Object.entries(official)) assert.ok(!/^(failed|never)/.test(told), `${name}: ${told}`);
assert.deepEqual(ours, official);

// As a module it is the same.
const page = await open(browser, url);
const module = await page.evaluate(async () => {
  const { io, default: same } = await import("/socket.io/socket.io.esm.js");
  const socket = io();
  await new Promise((done) => socket.on("connect", done));
  return [io === same, socket.connected];
});
assert.deepEqual(module, [true, true]);
await browser.close();
process.exit(0);
