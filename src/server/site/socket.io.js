/*!
 * A small Socket.IO client: Socket.IO protocol v5 over Engine.IO protocol v4, by WebSocket only.
 *
 * It comes with roomcat and speaks to every Socket.IO v4 server that takes WebSocket. For pages, it is used as the
 * official client is:
 *
 *     <script src="/socket.io/socket.io.js"></script>
 *     <script>
 *       const socket = io();
 *       socket.on("chat message", (text) => console.log(text));
 *       socket.emit("chat message", "hi");
 *     </script>
 *
 * or as a module: import { io } from "/socket.io/socket.io.esm.js".
 *
 * Two things it has that others have not: socket.io.on("frame", ({ direction, data, at }) => …) shows each frame as it
 * passes, "in" or "out", as text or binary, at a time, with the secrets in it masked; and socket.welcome is what the
 * server answered to CONNECT.
 *
 * Three classes, from the outside in: Socket (one namespace), Manager (one connection that comes back, shared by
 * namespaces), Engine (one WebSocket with its heartbeat).
 */
(function (scope) {
  "use strict";

  // ---- events ------------------------------------------------------------------------------------------------------

  class Emitter {
    #listeners = new Map();

    on(event, listener) {
      if (!this.#listeners.has(event)) this.#listeners.set(event, []);
      this.#listeners.get(event).push({ listener, once: false });
      return this;
    }

    once(event, listener) {
      this.on(event, listener);
      this.#listeners.get(event).at(-1).once = true;
      return this;
    }

    /** Without a listener all of the event, without an event all there are. */
    off(event, listener) {
      if (event === undefined) {
        this.#listeners.clear();
      } else if (listener === undefined) {
        this.#listeners.delete(event);
      } else {
        const left = this.#listeners.get(event) ?? [];
        const index = left.findIndex((entry) => entry.listener === listener);
        // A copy: it may be called from a listener of the same event.
        this.#listeners.set(event, left.filter((_, at) => at !== index));
      }
      return this;
    }

    listeners(event) {
      return (this.#listeners.get(event) ?? []).map((entry) => entry.listener);
    }

    hasListeners(event) {
      return (this.#listeners.get(event) ?? []).length > 0;
    }

    /** Calls the listeners; a subclass may give `emit` another meaning. */
    tell(event, ...args) {
      for (const entry of [...(this.#listeners.get(event) ?? [])]) {
        if (entry.once) this.off(event, entry.listener);
        entry.listener.apply(this, args);
      }
    }

    emit(event, ...args) {
      this.tell(event, ...args);
      return this;
    }
  }
  Object.assign(Emitter.prototype, {
    addEventListener: Emitter.prototype.on,
    removeListener: Emitter.prototype.off,
    removeAllListeners: Emitter.prototype.off,
    removeEventListener: Emitter.prototype.off,
  });

  // ---- packets: Socket.IO protocol v5, "Packet encoding" -----------------------------------------------------------

  const CONNECT = 0;
  const DISCONNECT = 1;
  const EVENT = 2;
  const ACK = 3;
  const CONNECT_ERROR = 4;
  const BINARY_EVENT = 5;
  const BINARY_ACK = 6;

  const RESERVED = new Set([
    "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener",
  ]);

  const isBinary = (value) =>
    value instanceof ArrayBuffer ||
    ArrayBuffer.isView(value) ||
    (typeof Blob === "function" && value instanceof Blob);

  /** The value with a placeholder for each binary in it; the binaries go to `attachments`. */
  function withPlaceholders(value, attachments) {
    if (value === null || typeof value !== "object") return value;
    if (isBinary(value)) return { _placeholder: true, num: attachments.push(value) - 1 };
    if (Array.isArray(value)) return value.map((item) => withPlaceholders(item, attachments));
    if (typeof value.toJSON === "function") return withPlaceholders(value.toJSON(), attachments);
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, withPlaceholders(item, attachments)]),
    );
  }

  /** The value with its binaries in their places again. */
  function withBinaries(value, attachments) {
    if (value === null || typeof value !== "object") return value;
    if (value._placeholder === true) {
      if (!(Number.isInteger(value.num) && value.num in attachments)) throw new Error("illegal attachments");
      return attachments[value.num];
    }
    for (const key of Object.keys(value)) value[key] = withBinaries(value[key], attachments);
    return value;
  }

  /** A packet as frames: a text, and a binary for each attachment. */
  function encode({ type, nsp, id, data }) {
    const attachments = [];
    const payload = type === EVENT || type === ACK ? withPlaceholders(data, attachments) : data;
    let text = attachments.length > 0 ? `${type + 3}${attachments.length}-` : `${type}`;
    if (nsp !== "/") text += `${nsp},`;
    if (id !== undefined) text += id;
    if (payload !== undefined) text += JSON.stringify(payload);
    return [text, ...attachments];
  }

  /** Packets from frames; one with attachments is whole when they have come. Throws at what is no packet. */
  class Decoder {
    #partial = null;
    #attachments = [];

    /** The packet that this frame completes, if it does. */
    add(frame) {
      if (typeof frame !== "string") return this.#binary(frame);
      if (this.#partial) throw new Error("got a text while attachments were awaited");
      const { attachments, ...packet } = parse(frame);
      if (attachments === 0) return packet;
      this.#partial = { packet, attachments };
      this.#attachments = [];
      return null;
    }

    #binary(frame) {
      if (!this.#partial) throw new Error("got an attachment without its packet");
      this.#attachments.push(frame);
      const { packet, attachments } = this.#partial;
      if (this.#attachments.length < attachments) return null;
      this.#partial = null;
      return { ...packet, data: withBinaries(packet.data, this.#attachments) };
    }
  }

  /** <type>[<attachments>-][<namespace>,][<ack id>][<JSON>] */
  function parse(text) {
    const found = /^([0-6])(?:(\d+)-)?(?:(\/[^,]*),?)?(\d*)(.*)$/s.exec(text);
    if (!found) throw new Error("invalid packet");
    const type = Number(found[1]);
    const binary = type === BINARY_EVENT || type === BINARY_ACK;
    if (binary !== (found[2] !== undefined)) throw new Error("illegal attachments");
    const packet = {
      type: binary ? type - 3 : type,
      nsp: found[3] ?? "/",
      id: found[4] === "" ? undefined : Number(found[4]),
      data: found[5] === "" ? undefined : JSON.parse(found[5]),
      attachments: binary ? Number(found[2]) : 0,
    };
    if (!isSound(packet)) throw new Error("invalid payload");
    return packet;
  }

  function isSound({ type, id, data }) {
    switch (type) {
      case CONNECT:
        return typeof data === "object" || data === undefined;
      case DISCONNECT:
        return data === undefined;
      case CONNECT_ERROR:
        return typeof data === "string" || (typeof data === "object" && data !== null);
      case EVENT:
        return Array.isArray(data) && (typeof data[0] === "number" || (typeof data[0] === "string" && !RESERVED.has(data[0])));
      default:
        return Array.isArray(data) && id !== undefined;
    }
  }

  // ---- what the "frame" event shows --------------------------------------------------------------------------------

  /** What auth may hold that is no secret. */
  const PLAIN = new Set(["as", "roomcat", "ack", "offset", "sid", "version", "log", "limits"]);

  /** A frame as it may be shown: of a CONNECT's object only what is known to be harmless, of the rest all. */
  function masked(frame) {
    const connect = typeof frame === "string" && /^(40(?:\/[^,]*,)?)(\{.*)$/s.exec(frame);
    if (!connect) return frame;
    let data;
    try {
      data = JSON.parse(connect[2]);
    } catch {
      return connect[1] + "•••";
    }
    const shown = Object.entries(data).map(([key, value]) => [key, PLAIN.has(key) ? value : "•••"]);
    return connect[1] + JSON.stringify(Object.fromEntries(shown));
  }

  // ---- Engine: one WebSocket and its heartbeat ---------------------------------------------------------------------

  class Engine extends Emitter {
    id;
    transport = { name: "websocket" };
    #socket = null;
    #patience = 0;
    #deadline = Infinity;
    #timer;

    constructor(url, protocols) {
      super();
      try {
        this.#socket = new WebSocket(url, protocols);
      } catch (error) {
        // A page that came by https may not open ws://. Whoever listens has yet to begin.
        queueMicrotask(() => this.#failed(error));
        return;
      }
      this.#socket.binaryType = "arraybuffer";
      this.#socket.onmessage = ({ data }) => this.#receive(data);
      this.#socket.onerror = (event) => {
        if (this.id === undefined) this.#failed(new Error("websocket error"));
        else this.close("transport error", { description: "websocket error", context: event });
      };
      this.#socket.onclose = (event) => {
        if (this.id === undefined) this.#failed(new Error("websocket error"));
        else this.close("transport close", { description: "websocket connection closed", context: event });
      };
    }

    /** Whether what is sent has a chance to arrive. A page that slept notices by the clock what its timer missed. */
    get writable() {
      if (Date.now() > this.#deadline) queueMicrotask(() => this.close("ping timeout"));
      else return this.#socket?.readyState === WebSocket.OPEN;
      return false;
    }

    /** An Engine.IO message: text, or binary as it is. */
    send(data) {
      this.#write(typeof data === "string" ? `4${data}` : data);
    }

    /** Once; nothing comes after it. */
    close(reason = "forced close", description) {
      const socket = this.#socket;
      if (!socket) return;
      this.#socket = null;
      clearTimeout(this.#timer);
      socket.onmessage = socket.onerror = socket.onclose = null;
      socket.close();
      this.tell("close", reason, description);
    }

    #failed(error) {
      error.type = "TransportError";
      this.tell("error", error);
    }

    #write(frame) {
      if (this.#socket?.readyState !== WebSocket.OPEN) return;
      this.#socket.send(frame);
      this.#show("out", frame);
    }

    #show(direction, data) {
      if (this.hasListeners("frame")) this.tell("frame", { direction, data: masked(data), at: Date.now() });
    }

    #receive(frame) {
      this.#show("in", frame);
      if (typeof frame !== "string") return this.tell("data", frame);
      switch (frame[0]) {
        case "0":
          return this.#handshake(frame.slice(1));
        case "1":
          return this.close("transport close");
        case "2":
          this.#awaitPing();
          this.#write("3" + frame.slice(1));
          return this.tell("ping");
        case "4":
          return this.tell("data", frame.slice(1));
        case "6":
          return;
        default:
          return this.close("parse error", { description: `no packet begins with ${frame[0]}` });
      }
    }

    #handshake(text) {
      let handshake;
      try {
        handshake = JSON.parse(text);
      } catch (error) {
        return this.close("parse error", error);
      }
      this.id = handshake.sid;
      this.#patience = handshake.pingInterval + handshake.pingTimeout;
      this.#awaitPing();
      this.tell("open");
    }

    #awaitPing() {
      clearTimeout(this.#timer);
      this.#deadline = Date.now() + this.#patience;
      this.#timer = setTimeout(() => this.close("ping timeout"), this.#patience);
    }
  }

  // ---- Manager: a connection that comes back, shared by namespaces -------------------------------------------------

  class Manager extends Emitter {
    engine = null;
    nsps = {};
    #state = "closed";
    #reconnecting = false;
    /** Whoever closed it wants it to stay so. */
    #stays = false;
    #attempts = 0;
    #timer;
    #decoder;

    constructor(uri, opts = {}) {
      super();
      const address = parseAddress(uri);
      this.uri = address.origin;
      this.opts = {
        path: "/socket.io",
        autoConnect: true,
        reconnection: true,
        reconnectionAttempts: Infinity,
        reconnectionDelay: 1000,
        reconnectionDelayMax: 5000,
        randomizationFactor: 0.5,
        timeout: 20000,
        query: address.query,
        ...opts,
      };
      if (this.opts.autoConnect) this.open();
    }

    get isOpen() {
      return this.#state === "open";
    }

    get reconnecting() {
      return this.#reconnecting;
    }

    /** The socket of a namespace, made when it is asked for the first time. */
    socket(nsp, opts) {
      const known = this.nsps[nsp];
      if (!known) return (this.nsps[nsp] = new Socket(this, nsp, opts));
      if (this.opts.autoConnect && !known.active) known.connect();
      return known;
    }

    open(done) {
      if (this.#state !== "closed") return this;
      this.#state = "opening";
      this.#stays = false;
      this.#decoder = new Decoder();
      const engine = new Engine(this.#url(), this.opts.protocols);
      this.engine = engine;
      const patience = this.opts.timeout;
      const timer = patience ? setTimeout(() => failed(new Error("timeout")), patience) : undefined;
      const failed = (error) => {
        clearTimeout(timer);
        if (this.#state !== "opening" || this.engine !== engine) return;
        this.#state = "closed";
        engine.off();
        engine.close();
        this.tell("error", error);
        // Whoever waits decides what comes next; otherwise it is tried again.
        if (done) done(error);
        else this.#reconnect();
      };
      engine.on("error", failed);
      engine.on("open", () => {
        clearTimeout(timer);
        this.#state = "open";
        this.tell("open");
        done?.();
      });
      engine.on("data", (data) => this.#receive(data));
      engine.on("ping", () => this.tell("ping"));
      engine.on("frame", (frame) => this.tell("frame", frame));
      engine.on("close", (reason, description) => {
        clearTimeout(timer);
        this.#closed(reason, description);
      });
      return this;
    }

    connect(done) {
      return this.open(done);
    }

    send(packet) {
      for (const frame of encode(packet)) this.engine.send(frame);
    }

    /** A socket has left: the connection goes with the last one. */
    left() {
      if (Object.values(this.nsps).some((socket) => socket.active)) return;
      this.close();
    }

    close() {
      this.#stays = true;
      this.#reconnecting = false;
      clearTimeout(this.#timer);
      if (this.#state === "closed") return;
      this.engine.close("forced close");
    }

    disconnect() {
      this.close();
    }

    #url() {
      const path = this.opts.path.replace(/\/?$/, "/");
      const query = new URLSearchParams({ EIO: 4, transport: "websocket", ...this.opts.query });
      return `${this.uri.replace(/^http/, "ws")}${path}?${query}`;
    }

    #receive(frame) {
      let packet;
      try {
        packet = this.#decoder.add(frame);
      } catch (error) {
        return this.engine.close("parse error", error);
      }
      // Outside of that: what a listener throws is no parse error.
      if (packet) this.tell("packet", packet);
    }

    #closed(reason, description) {
      this.#attempts = 0;
      this.#state = "closed";
      this.tell("close", reason, description);
      if (this.opts.reconnection && !this.#stays) this.#reconnect();
    }

    #reconnect() {
      if (this.#reconnecting || this.#stays || !this.opts.reconnection) return;
      if (this.#attempts >= this.opts.reconnectionAttempts) {
        this.#attempts = 0;
        this.tell("reconnect_failed");
        return;
      }
      this.#reconnecting = true;
      this.#timer = setTimeout(() => {
        this.tell("reconnect_attempt", this.#attempts);
        // A listener may have closed it.
        if (this.#stays) return;
        this.open((error) => {
          this.#reconnecting = false;
          if (error) {
            this.#reconnect();
            this.tell("reconnect_error", error);
          } else {
            const attempts = this.#attempts;
            this.#attempts = 0;
            this.tell("reconnect", attempts);
          }
        });
      }, this.#delay());
    }

    /** Doubles, with jitter, so that a hub that restarts is not met by all at once. */
    #delay() {
      const { reconnectionDelay, reconnectionDelayMax, randomizationFactor } = this.opts;
      const delay = reconnectionDelay * 2 ** this.#attempts++;
      const jitter = 1 + randomizationFactor * (2 * Math.random() - 1);
      return Math.min(delay * jitter, reconnectionDelayMax);
    }
  }

  // ---- Socket: one namespace ---------------------------------------------------------------------------------------

  class Socket extends Emitter {
    id;
    welcome;
    connected = false;
    recovered = false;
    sendBuffer = [];
    receiveBuffer = [];
    #opts;
    #flags = {};
    #ids = 0;
    #acks = new Map();
    #any = [];
    #anyOutgoing = [];
    /** What is sent again until it is acknowledged (opts.retries), one at a time. */
    #queue = [];
    #pid;
    #offset;
    #subscribed = null;

    constructor(manager, nsp, opts = {}) {
      super();
      this.io = manager;
      this.nsp = nsp;
      this.auth = opts.auth;
      this.#opts = opts;
      if (manager.opts.autoConnect) this.connect();
    }

    /** Whether it connects by itself when the connection is back. */
    get active() {
      return this.#subscribed !== null;
    }

    get disconnected() {
      return !this.connected;
    }

    get volatile() {
      this.#flags.volatile = true;
      return this;
    }

    /** Of the next emit: its callback gets an error first, after so many milliseconds without an answer. */
    timeout(milliseconds) {
      this.#flags.timeout = milliseconds;
      return this;
    }

    /** Nothing is compressed here. */
    compress() {
      return this;
    }

    connect() {
      if (this.connected) return this;
      this.#subscribe();
      if (this.io.isOpen) this.#opened();
      else if (!this.io.reconnecting) this.io.open();
      return this;
    }

    open() {
      return this.connect();
    }

    disconnect() {
      if (this.connected) this.#send({ type: DISCONNECT });
      const was = this.connected;
      this.#unsubscribe();
      // The connection may have gone with it, and said so.
      if (was && this.connected) this.#closed("io client disconnect");
      return this;
    }

    close() {
      return this.disconnect();
    }

    send(...args) {
      return this.emit("message", ...args);
    }

    emit(event, ...args) {
      if (RESERVED.has(event)) throw new Error(`"${event}" is a reserved event name`);
      const flags = this.#flags;
      this.#flags = {};
      if (this.#opts.retries && !flags.queued && !flags.volatile) {
        this.#enqueue([event, ...args], flags);
        return this;
      }
      const packet = { type: EVENT, data: [event, ...args] };
      if (typeof args.at(-1) === "function") {
        packet.id = this.#ids++;
        this.#awaitAck(packet.id, packet.data.pop(), flags.timeout ?? this.#opts.ackTimeout);
      }
      if (this.connected && this.io.engine.writable) this.#sendEvent(packet);
      else if (!flags.volatile) this.sendBuffer.push(packet);
      return this;
    }

    /** A promise of the answer's first argument. */
    emitWithAck(event, ...args) {
      return new Promise((resolve, reject) => {
        const ack = (error, answer) => (error ? reject(error) : resolve(answer));
        ack.withError = true;
        this.emit(event, ...args, ack);
      });
    }

    onAny(listener) {
      this.#any.push(listener);
      return this;
    }

    prependAny(listener) {
      this.#any.unshift(listener);
      return this;
    }

    offAny(listener) {
      this.#any = listener ? this.#any.filter((other) => other !== listener) : [];
      return this;
    }

    listenersAny() {
      return [...this.#any];
    }

    onAnyOutgoing(listener) {
      this.#anyOutgoing.push(listener);
      return this;
    }

    prependAnyOutgoing(listener) {
      this.#anyOutgoing.unshift(listener);
      return this;
    }

    offAnyOutgoing(listener) {
      this.#anyOutgoing = listener ? this.#anyOutgoing.filter((other) => other !== listener) : [];
      return this;
    }

    listenersAnyOutgoing() {
      return [...this.#anyOutgoing];
    }

    #subscribe() {
      if (this.#subscribed) return;
      this.#subscribed = {
        open: () => this.#opened(),
        packet: (packet) => packet.nsp === this.nsp && this.#packet(packet),
        error: (error) => this.connected || this.tell("connect_error", error),
        close: (reason, description) => this.#closed(reason, description),
      };
      for (const [event, listener] of Object.entries(this.#subscribed)) this.io.on(event, listener);
    }

    #unsubscribe() {
      for (const [event, listener] of Object.entries(this.#subscribed ?? {})) this.io.off(event, listener);
      this.#subscribed = null;
      this.io.left();
    }

    #send(packet) {
      this.io.send({ ...packet, nsp: this.nsp });
    }

    #sendEvent(packet) {
      for (const listener of [...this.#anyOutgoing]) listener.apply(this, packet.data);
      this.#send(packet);
    }

    #opened() {
      const connect = (auth) => {
        // A client that comes back says where it was, and gets what it missed.
        const place = this.#pid ? { pid: this.#pid, offset: this.#offset } : undefined;
        this.#send({ type: CONNECT, data: place ? { ...place, ...auth } : auth });
      };
      if (typeof this.auth === "function") this.auth(connect);
      else connect(this.auth);
    }

    #packet({ type, id, data }) {
      switch (type) {
        case CONNECT:
          return this.#entered(data);
        case DISCONNECT:
          this.#unsubscribe();
          return this.connected && this.#closed("io server disconnect");
        case CONNECT_ERROR:
          this.#unsubscribe();
          return this.tell("connect_error", Object.assign(new Error(data.message ?? data), { data: data.data }));
        case EVENT:
          return this.#event(id === undefined ? data : [...data, this.#answer(id)]);
        case ACK:
          return this.#acked(id, data);
      }
    }

    #entered(data) {
      if (!data?.sid) {
        return this.tell("connect_error", new Error("the server speaks an older Socket.IO protocol than this client"));
      }
      this.id = data.sid;
      this.welcome = data;
      this.recovered = data.pid !== undefined && data.pid === this.#pid;
      this.#pid = data.pid;
      this.connected = true;
      const [received, unsent] = [this.receiveBuffer, this.sendBuffer];
      this.receiveBuffer = [];
      this.sendBuffer = [];
      for (const args of received) this.#deliver(args);
      for (const packet of unsent) this.#sendEvent(packet);
      this.#sendQueued({ again: true });
      this.tell("connect");
    }

    #event(args) {
      // What comes before the CONNECT's answer was missed: it is shown when there is an id.
      if (this.connected) this.#deliver(args);
      else this.receiveBuffer.push(args);
    }

    #deliver(args) {
      for (const listener of [...this.#any]) listener.apply(this, args);
      this.tell(...args);
      if (this.#pid && typeof args.at(-1) === "string") this.#offset = args.at(-1);
    }

    #answer(id) {
      let answered = false;
      return (...data) => {
        if (answered) return;
        answered = true;
        this.#send({ type: ACK, id, data });
      };
    }

    #awaitAck(id, ack, milliseconds) {
      if (milliseconds === undefined) return this.#acks.set(id, ack);
      const timer = setTimeout(() => {
        this.#acks.delete(id);
        this.sendBuffer = this.sendBuffer.filter((packet) => packet.id !== id);
        ack.call(this, new Error("operation has timed out"));
      }, milliseconds);
      const timed = (...args) => {
        clearTimeout(timer);
        ack.apply(this, args);
      };
      timed.withError = true;
      this.#acks.set(id, timed);
    }

    #acked(id, data) {
      const ack = this.#acks.get(id);
      this.#acks.delete(id);
      ack?.apply(this, ack.withError ? [null, ...data] : data);
    }

    #closed(reason, description) {
      if (!this.connected) return;
      this.connected = false;
      this.id = undefined;
      this.tell("disconnect", reason, description);
      const unsent = new Set(this.sendBuffer.map((packet) => packet.id));
      for (const [id, ack] of [...this.#acks]) {
        if (unsent.has(id)) continue;
        this.#acks.delete(id);
        if (ack.withError) ack.call(this, new Error("socket has been disconnected"));
      }
    }

    #enqueue(args, flags) {
      const done = typeof args.at(-1) === "function" ? args.pop() : undefined;
      const entry = { args, flags, tries: 0, pending: false };
      entry.ack = (error, ...answer) => {
        entry.pending = false;
        if (entry !== this.#queue[0]) return;
        if (!error || entry.tries > this.#opts.retries) {
          this.#queue.shift();
          done?.(error, ...answer);
        }
        this.#sendQueued();
      };
      entry.ack.withError = true;
      this.#queue.push(entry);
      this.#sendQueued();
    }

    #sendQueued({ again = false } = {}) {
      const [entry] = this.#queue;
      if (!this.connected || !entry || (entry.pending && !again)) return;
      entry.pending = true;
      entry.tries++;
      this.#flags = { ...entry.flags, queued: true };
      this.emit(...entry.args, entry.ack);
    }
  }

  // ---- io() --------------------------------------------------------------------------------------------------------

  /** Where to connect and which namespace: "http://host:port/admin?x=1", "/admin", "host:port"; without one, here. */
  function parseAddress(uri = scope.location?.origin) {
    if (uri.startsWith("//")) uri = scope.location.protocol + uri;
    else if (uri.startsWith("/")) uri = scope.location.origin + uri;
    else if (!/^(https?|wss?):\/\//.test(uri)) uri = `${scope.location?.protocol ?? "https:"}//${uri}`;
    const [, scheme, host, path, query] = /^(\w+):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?/.exec(uri);
    const origin = new URL(`${scheme.replace(/^ws/, "http")}://${host}`).origin;
    return {
      origin,
      nsp: path || "/",
      query: query === undefined ? undefined : Object.fromEntries(new URLSearchParams(query)),
    };
  }

  const managers = new Map();

  /** A socket for a namespace; those of one host share a connection, unless opts say `forceNew` or `multiplex: false`. */
  function io(uri, opts) {
    if (typeof uri === "object") [uri, opts] = [undefined, uri];
    opts = opts ?? {};
    const { origin, nsp } = parseAddress(uri);
    const key = origin + (opts.path ?? "/socket.io");
    const shared = managers.get(key);
    const own = opts.forceNew || opts.multiplex === false || (shared && nsp in shared.nsps);
    const manager = own || !shared ? new Manager(uri, opts) : shared;
    if (!own) managers.set(key, manager);
    return manager.socket(nsp, opts);
  }

  scope.io = Object.assign(io, { io, connect: io, Manager, Socket, protocol: 5 });
})(globalThis);
