// socket.io-client as people use it: `client.mjs URL TRANSPORTS BEHAVIOUR`, TRANSPORTS being `default` or a list.
import assert from "node:assert/strict";
import { io } from "socket.io-client";

const [url, transports, behaviour] = process.argv.slice(2);
const http = url.replace("ws://", "http://");
const opened = [];

function open(namespace = "/", options = {}) {
  const chosen = transports === "default" ? {} : { transports: transports.split(",") };
  const socket = io(http + namespace, { forceNew: true, reconnectionDelay: 50, ...chosen, ...options });
  opened.push(socket);
  return socket;
}

// The arguments of the next such event.
const next = (emitter, event) => new Promise((done) => emitter.once(event, (...args) => done(args)));

async function connected(namespace, options) {
  const socket = open(namespace, options);
  await next(socket, "connect");
  return socket;
}

// Keeps the arguments of every such event; `wait(n)` is fulfilled when there are n.
function collect(socket, event) {
  const seen = [];
  let enough = () => {};
  socket.on(event, (...args) => {
    seen.push(args);
    enough();
  });
  const wait = (count) =>
    new Promise((done) => {
      enough = () => seen.length >= count && done(seen);
      enough();
    });
  return { seen, wait };
}

const behaviours = {
  async chat() {
    const [alice, bob] = [await connected(), await connected()];
    const heard = [alice, bob].map((socket) => next(socket, "chat message"));
    alice.emit("chat message", "hello");
    assert.deepEqual(await Promise.all(heard), [["hello"], ["hello"]]);
    assert.notEqual(alice.id, bob.id);
  },

  // Not one lost, none twice, all in order, whatever the transport does meanwhile.
  async many() {
    const [alice, bob] = [open(), await connected()];
    const heard = collect(bob, "n");
    const own = collect(alice, "n");
    const numbers = Array.from({ length: 300 }, (_, number) => number);
    for (const number of numbers) {
      alice.emit("n", number);
      if (number % 50 === 0) await new Promise(setImmediate);
    }
    for (const { wait } of [heard, own]) {
      assert.deepEqual((await wait(300)).flat(), numbers);
    }
  },

  async upgrade() {
    const socket = open();
    const [transport] = await next(socket.io, "open").then(() => next(socket.io.engine, "upgrade"));
    assert.equal(transport.name, "websocket");
    const heard = next(socket, "still");
    socket.emit("still", "here");
    assert.deepEqual(await heard, ["here"]);
  },

  async acks() {
    const socket = await connected();
    const receipt = await socket.timeout(20_000).emitWithAck("pub", { rooms: ["lobby"], data: "hi" });
    assert.equal(receipt.ok, true);
    assert.match(receipt.seq, /^[0-9]+$/);
    const refused = await socket.emitWithAck("pub", { rooms: [7] });
    assert.equal(refused.error.code, "bad_request");
  },

  async rooms() {
    const [alice, bob, carol] = [await connected(), await connected(), await connected()];
    for (const socket of [alice, bob]) {
      assert.deepEqual(await socket.emitWithAck("join", "blue"), { ok: true, rooms: ["blue"] });
    }
    const heard = [alice, bob, carol].map((socket) => collect(socket, "news"));
    await alice.emitWithAck("pub", { rooms: ["blue"], event: "news", data: "to all in it" });
    await alice.emitWithAck("pub", { rooms: ["blue"], event: "news", data: "to the others", to: "others" });
    await bob.emitWithAck("leave", "blue");
    await alice.emitWithAck("pub", { rooms: ["blue"], event: "news", data: "to those left" });
    await alice.emitWithAck("pub", { event: "news", data: "end" });
    const expected = [
      ["to all in it", "to those left", "end"],
      ["to all in it", "to the others", "end"],
      ["end"],
    ];
    for (const [index, { wait }] of heard.entries()) {
      assert.deepEqual((await wait(expected[index].length)).flat(), expected[index]);
    }
  },

  async binary() {
    const [alice, bob] = [await connected(), await connected()];
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => index % 251));
    const heard = next(bob, "files");
    alice.emit("files", { name: "a", content: bytes }, [Buffer.from([1, 2, 3])], "text", Buffer.alloc(0));
    const [file, list, text, empty] = await heard;
    assert.equal(file.name, "a");
    assert.deepEqual(Buffer.from(file.content), bytes);
    assert.deepEqual(list.map((item) => [...item]), [[1, 2, 3]]);
    assert.equal(text, "text");
    assert.equal(empty.byteLength, 0);
  },

  async large() {
    const [alice, bob] = [await connected(), await connected()];
    const text = "é".repeat(300_000);
    const heard = next(bob, "text");
    alice.emit("text", text);
    assert.equal((await heard)[0], text);
  },

  async namespaces() {
    const main = await connected("/", { forceNew: false });
    const admin = open("/admin", { forceNew: false });
    await next(admin, "connect");
    assert.equal(main.io, admin.io, "one connection");
    const heard = [main, admin].map((socket) => collect(socket, "said"));
    main.emit("said", "in /");
    admin.emit("said", "in /admin");
    assert.deepEqual(await heard[0].wait(1), [["in /"]]);
    assert.deepEqual(await heard[1].wait(1), [["in /admin"]]);
    admin.disconnect();
    main.emit("said", "still here");
    assert.deepEqual(await heard[0].wait(2), [["in /"], ["still here"]]);
    assert.equal(heard[1].seen.length, 1);
  },

  // The hub wants the token `sesame`.
  async refused() {
    for (const [auth, message] of [[{}, "this hub wants a token"], [{ token: "open" }, "the token is wrong"]]) {
      const [error] = await next(open("/", { auth }), "connect_error");
      assert.equal(error.message, message);
      assert.deepEqual(error.data, { code: "token" });
    }
    await connected("/", { auth: { token: "sesame" } });
  },

  async kicked() {
    // A name of its own for each run: it stays a member of the lobby.
    const name = `bob-${transports}`;
    const [alice, bob] = [await connected(), await connected("/", { auth: { as: name } })];
    const { sockets } = await alice.emitWithAck("who", {});
    assert.equal(sockets.find(({ you }) => you).sid, alice.id);
    const seen = sockets.find(({ sid }) => sid === bob.id);
    assert.equal(seen.as, name);
    assert.equal(seen.lag, 0);
    if (transports !== "default") assert.equal(seen.transport, transports);
    await alice.emitWithAck("sub", { rooms: ["lobby"], presence: true });
    const came = next(alice, "presence");
    await bob.emitWithAck("join", "lobby");
    const { at, ...joined } = (await came)[0];
    assert.ok(at > 1_700_000_000_000);
    assert.deepEqual(joined, { what: "join", room: "lobby", as: name, sid: bob.id });
    const went = next(alice, "presence");
    const gone = next(bob, "disconnect");
    const attempts = collect(bob.io, "reconnect_attempt");
    assert.deepEqual(await alice.emitWithAck("kick", { as: name }), { ok: true, kicked: 1 });
    assert.equal((await gone)[0], "io server disconnect");
    assert.equal((await went)[0].what, "leave");
    assert.equal(bob.active, false, "it stays away");
    assert.equal(attempts.seen.length, 0);
    // Unless somebody wants it back: nobody is barred.
    const back = next(bob, "connect");
    bob.connect();
    await back;
  },

  async reconnects() {
    const socket = await connected();
    const first = socket.id;
    const back = next(socket, "connect");
    socket.io.engine.close();
    await back;
    assert.notEqual(socket.id, first);
    const heard = next(socket, "said");
    socket.emit("said", "back");
    assert.deepEqual(await heard, ["back"]);
  },
};

await behaviours[behaviour]();
for (const socket of opened) socket.close();
