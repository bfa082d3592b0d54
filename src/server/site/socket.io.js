/*!
 * A small Socket.IO client: Socket.IO protocol v5 over Engine.IO protocol v4, over WebSocket only.
 *
 * It comes with roomcat and works with every Socket.IO v4 server that accepts WebSocket. A page uses it like the
 * official client:
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
 * It has two features that the official client lacks. socket.io.on("frame", ({ direction, data, at }) => …) reports
 * every frame: its direction "in" or "out", its text or bytes with secrets masked, and its time. socket.welcome is the
 * server's answer to CONNECT.
 *
 * The classes, from the outside in: Socket (one namespace), Manager (one connection that reconnects, shared by
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

    /** Removes a listener. Without `listener`: all of the event. Without `event`: all. */
    off(event, listener) {
      if (event === undefined) {
        this.#listeners.clear();
      } else if (listener === undefined) {
        this.#listeners.delete(event);
      } else {
        const left = this.#listeners.get(event) ?? [];
        const index = left.findIndex((entry) => entry.listener === listener);
        // A new array: the caller may be a listener of the same event.
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

    /** Calls the listeners. In Socket, `emit` sends to the server instead. */
    dispatch(event, ...args) {
      for (const entry of [...(this.#listeners.get(event) ?? [])]) {
        if (entry.once) this.off(event, entry.listener);
        entry.listener.apply(this, args);
      }
    }

    emit(event, ...args) {
      this.dispatch(event, ...args);
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

  /** Replaces each binary in the value with a placeholder. The binaries are added to `attachments`. */
  function withPlaceholders(value, attachments) {
    if (value === null || typeof value !== "object") return value;
    if (isBinary(value)) return { _placeholder: true, num: attachments.push(value) - 1 };
    if (Array.isArray(value)) return value.map((item) => withPlaceholders(item, attachments));
    if (typeof value.toJSON === "function") return withPlaceholders(value.toJSON(), attachments);
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, withPlaceholders(item, attachments)]),
    );
  }

  /** Puts the binaries back in the places of their placeholders. */
  function withBinaries(value, attachments) {
    if (value === null || typeof value !== "object") return value;
    if (value._placeholder === true) {
      if (!(Number.isInteger(value.num) && value.num in attachments)) throw new Error("illegal attachments");
      return attachments[value.num];
    }
    for (const key of Object.keys(value)) value[key] = withBinaries(value[key], attachments);
    return value;
  }

  /** Encodes a packet as frames: one text, then a binary for each attachment. */
  function encode({ type, nsp, id, data }) {
    const attachments = [];
    const payload = type === EVENT || type === ACK ? withPlaceholders(data, attachments) : data;
    let text = attachments.length > 0 ? `${type + 3}${attachments.length}-` : `${type}`;
    if (nsp !== "/") text += `${nsp},`;
    if (id !== undefined) text += id;
    if (payload !== undefined) text += JSON.stringify(payload);
    return [text, ...attachments];
  }

  /** Decodes frames to packets. A packet with attachments is complete with its last one. Throws on an invalid frame. */
  class Decoder {
    #partial = null;
    #attachments = [];

    /** Returns the packet that this frame completes, or null. */
    add(frame) {
      if (typeof frame !== "string") return this.#binary(frame);
      if (this.#partial) throw new Error("got a text frame while waiting for attachments");
      const { attachments, ...packet } = parse(frame);
      if (attachments === 0) return packet;
      this.#partial = { packet, attachments };
      this.#attachments = [];
      return null;
    }

    #binary(frame) {
      if (!this.#partial) throw new Error("got an attachment without a packet");
      this.#attachments.push(frame);
      const { packet, attachments } = this.#partial;
      if (this.#attachments.length < attachments) return null;
      this.#partial = null;
      return { ...packet, data: withBinaries(packet.data, this.#attachments) };
    }
  }

  /** <type>[<attachments>-][<namespace>,][<ack id>][<JSON>] */
  function parse(text) {
    const match = /^([0-6])(?:(\d+)-)?(?:(\/[^,]*),?)?(\d*)(.*)$/s.exec(text);
    if (!match) throw new Error("invalid packet");
    const type = Number(match[1]);
    const binary = type === BINARY_EVENT || type === BINARY_ACK;
    if (binary !== (match[2] !== undefined)) throw new Error("illegal attachments");
    const packet = {
      type: binary ? type - 3 : type,
      nsp: match[3] ?? "/",
      id: match[4] === "" ? undefined : Number(match[4]),
      data: match[5] === "" ? undefined : JSON.parse(match[5]),
      attachments: binary ? Number(match[2]) : 0,
    };
    if (!isValid(packet)) throw new Error("invalid payload");
    return packet;
  }

  function isValid({ type, id, data }) {
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

  // ---- masking for the "frame" event -------------------------------------------------------------------------------

  /** The keys of CONNECT's object whose values are not secret. */
  const PUBLIC_KEYS = new Set(["as", "roomcat", "ack", "offset", "sid", "version", "log", "limits"]);

  /** Masks the values in a CONNECT's object, except those known to be harmless. */
  function maskSecrets(frame) {
    const connect = typeof frame === "string" && /^(40(?:\/[^,]*,)?)(\{.*)$/s.exec(frame);
    if (!connect) return frame;
    let data;
    try {
      data = JSON.parse(connect[2]);
    } catch {
      return connect[1] + "•••";
    }
    const shown = Object.entries(data).map(([key, value]) => [key, PUBLIC_KEYS.has(key) ? value : "•••"]);
    return connect[1] + JSON.stringify(Object.fromEntries(shown));
  }

  // ---- Engine: one WebSocket and its heartbeat ---------------------------------------------------------------------

  class Engine extends Emitter {
    id;
    transport = { name: "websocket" };
    #socket = null;
    #pingWindow = 0;
    #deadline = Infinity;
    #timer;

    constructor(url, protocols) {
      super();
      try {
        this.#socket = new WebSocket(url, protocols);
      } catch (error) {
        // A page loaded over https may not open ws://. The caller adds its listeners after this.
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

    /** Whether a frame sent now can arrive. Timers stop while a computer sleeps, so this looks at the clock too. */
    get writable() {
      if (Date.now() > this.#deadline) queueMicrotask(() => this.close("ping timeout"));
      else return this.#socket?.readyState === WebSocket.OPEN;
      return false;
    }

    /** Sends an Engine.IO message, text or binary. */
    send(data) {
      this.#write(typeof data === "string" ? `4${data}` : data);
    }

    /** Emits "close" once. No event follows it. */
    close(reason = "forced close", description) {
      const socket = this.#socket;
      if (!socket) return;
      this.#socket = null;
      clearTimeout(this.#timer);
      socket.onmessage = socket.onerror = socket.onclose = null;
      socket.close();
      this.dispatch("close", reason, description);
    }

    #failed(error) {
      error.type = "TransportError";
      this.dispatch("error", error);
    }

    #write(frame) {
      if (this.#socket?.readyState !== WebSocket.OPEN) return;
      this.#socket.send(frame);
      this.#show("out", frame);
    }

    #show(direction, data) {
      if (this.hasListeners("frame")) this.dispatch("frame", { direction, data: maskSecrets(data), at: Date.now() });
    }

    #receive(frame) {
      this.#show("in", frame);
      if (typeof frame !== "string") return this.dispatch("data", frame);
      switch (frame[0]) {
        case "0":
          return this.#handshake(frame.slice(1));
        case "1":
          return this.close("transport close");
        case "2":
          this.#awaitPing();
          this.#write("3" + frame.slice(1));
          return this.dispatch("ping");
        case "4":
          return this.dispatch("data", frame.slice(1));
        case "6":
          return;
        default:
          return this.close("parse error", { description: `unknown packet type ${frame[0]}` });
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
      this.#pingWindow = handshake.pingInterval + handshake.pingTimeout;
      this.#awaitPing();
      this.dispatch("open");
    }

    #awaitPing() {
      clearTimeout(this.#timer);
      this.#deadline = Date.now() + this.#pingWindow;
      this.#timer = setTimeout(() => this.close("ping timeout"), this.#pingWindow);
    }
  }

  // ---- Manager: a connection that reconnects, shared by namespaces -------------------------------------------------

  class Manager extends Emitter {
    engine = null;
    nsps = {};
    #state = "closed";
    #reconnecting = false;
    /** The application closed the connection. */
    #skipReconnect = false;
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

    /** The socket of a namespace, created on the first call. */
    socket(nsp, opts) {
      const existing = this.nsps[nsp];
      if (!existing) return (this.nsps[nsp] = new Socket(this, nsp, opts));
      if (this.opts.autoConnect && !existing.active) existing.connect();
      return existing;
    }

    open(done) {
      if (this.#state !== "closed") return this;
      this.#state = "opening";
      this.#skipReconnect = false;
      this.#decoder = new Decoder();
      const engine = new Engine(this.#url(), this.opts.protocols);
      this.engine = engine;
      const openTimeout = this.opts.timeout;
      const timer = openTimeout ? setTimeout(() => failed(new Error("timeout")), openTimeout) : undefined;
      const failed = (error) => {
        clearTimeout(timer);
        if (this.#state !== "opening" || this.engine !== engine) return;
        this.#state = "closed";
        engine.off();
        engine.close();
        this.dispatch("error", error);
        // A caller that waits decides about retries.
        if (done) done(error);
        else this.#reconnect();
      };
      engine.on("error", failed);
      engine.on("open", () => {
        clearTimeout(timer);
        this.#state = "open";
        this.dispatch("open");
        done?.();
      });
      engine.on("data", (data) => this.#receive(data));
      engine.on("ping", () => this.dispatch("ping"));
      engine.on("frame", (frame) => this.dispatch("frame", frame));
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

    /** A socket has closed. The last one closes the connection. */
    socketClosed() {
      if (Object.values(this.nsps).some((socket) => socket.active)) return;
      this.close();
    }

    close() {
      this.#skipReconnect = true;
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
      // Not inside `try`: an exception of a listener is not a parse error.
      if (packet) this.dispatch("packet", packet);
    }

    #closed(reason, description) {
      this.#attempts = 0;
      this.#state = "closed";
      this.dispatch("close", reason, description);
      if (this.opts.reconnection && !this.#skipReconnect) this.#reconnect();
    }

    #reconnect() {
      if (this.#reconnecting || this.#skipReconnect || !this.opts.reconnection) return;
      if (this.#attempts >= this.opts.reconnectionAttempts) {
        this.#attempts = 0;
        this.dispatch("reconnect_failed");
        return;
      }
      this.#reconnecting = true;
      this.#timer = setTimeout(() => {
        this.dispatch("reconnect_attempt", this.#attempts);
        // A listener may have closed the connection.
        if (this.#skipReconnect) return;
        this.open((error) => {
          this.#reconnecting = false;
          if (error) {
            this.#reconnect();
            this.dispatch("reconnect_error", error);
          } else {
            const attempts = this.#attempts;
            this.#attempts = 0;
            this.dispatch("reconnect", attempts);
          }
        });
      }, this.#delay());
    }

    /** Doubles each time. The jitter keeps clients from reconnecting all at once. */
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
    #nextAckId = 0;
    #acks = new Map();
    #any = [];
    #anyOutgoing = [];
    /** Events sent one at a time, each until it is acknowledged (opts.retries). */
    #queue = [];
    #pid;
    #offset;
    #managerListeners = null;

    constructor(manager, nsp, opts = {}) {
      super();
      this.io = manager;
      this.nsp = nsp;
      this.auth = opts.auth;
      this.#opts = opts;
      if (manager.opts.autoConnect) this.connect();
    }

    /** Whether the socket connects when the connection is back. */
    get active() {
      return this.#managerListeners !== null;
    }

    get disconnected() {
      return !this.connected;
    }

    get volatile() {
      this.#flags.volatile = true;
      return this;
    }

    /** For the next emit: its callback gets an error as its first argument if there is no answer in time. */
    timeout(milliseconds) {
      this.#flags.timeout = milliseconds;
      return this;
    }

    /** Does nothing: this client never compresses. */
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
      const wasConnected = this.connected;
      this.#unsubscribe();
      // If the connection closed with the socket, "disconnect" was emitted already.
      if (wasConnected && this.connected) this.#closed("io client disconnect");
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
        packet.id = this.#nextAckId++;
        this.#awaitAck(packet.id, packet.data.pop(), flags.timeout ?? this.#opts.ackTimeout);
      }
      if (this.connected && this.io.engine.writable) this.#sendEvent(packet);
      else if (!flags.volatile) this.sendBuffer.push(packet);
      return this;
    }

    /** Resolves to the first argument of the acknowledgement. */
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
      if (this.#managerListeners) return;
      this.#managerListeners = {
        open: () => this.#opened(),
        packet: (packet) => packet.nsp === this.nsp && this.#packet(packet),
        error: (error) => this.connected || this.dispatch("connect_error", error),
        close: (reason, description) => this.#closed(reason, description),
      };
      for (const [event, listener] of Object.entries(this.#managerListeners)) this.io.on(event, listener);
    }

    #unsubscribe() {
      for (const [event, listener] of Object.entries(this.#managerListeners ?? {})) this.io.off(event, listener);
      this.#managerListeners = null;
      this.io.socketClosed();
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
        // After a reconnect: ask for the events since the last offset.
        const recovery = this.#pid ? { pid: this.#pid, offset: this.#offset } : undefined;
        this.#send({ type: CONNECT, data: recovery ? { ...recovery, ...auth } : auth });
      };
      if (typeof this.auth === "function") this.auth(connect);
      else connect(this.auth);
    }

    #packet({ type, id, data }) {
      switch (type) {
        case CONNECT:
          return this.#connected(data);
        case DISCONNECT:
          this.#unsubscribe();
          return this.connected && this.#closed("io server disconnect");
        case CONNECT_ERROR:
          this.#unsubscribe();
          return this.dispatch("connect_error", Object.assign(new Error(data.message ?? data), { data: data.data }));
        case EVENT:
          return this.#event(id === undefined ? data : [...data, this.#answer(id)]);
        case ACK:
          return this.#acked(id, data);
      }
    }

    #connected(data) {
      if (!data?.sid) {
        return this.dispatch("connect_error", new Error("the server speaks an older Socket.IO protocol than this client"));
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
      this.dispatch("connect");
    }

    #event(args) {
      // Recovered events come before the answer to CONNECT. They are delivered after it.
      if (this.connected) this.#deliver(args);
      else this.receiveBuffer.push(args);
    }

    #deliver(args) {
      for (const listener of [...this.#any]) listener.apply(this, args);
      this.dispatch(...args);
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
      this.dispatch("disconnect", reason, description);
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

  /** Splits "http://host:port/admin?x=1", "/admin" or "host:port" into its parts. Without `uri`: the page's origin. */
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

  /** A socket for a namespace. Those of one host share a connection, unless `forceNew` or `multiplex: false` is set. */
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
