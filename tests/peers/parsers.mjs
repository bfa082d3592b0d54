// Compares what roomcat's codec made of each case (a JSON line on stdin) with what the official parsers make of it.
// What both take must be the same. What only one of them takes must be listed here, and each entry must be met.
import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { decodePacket, decodePayload } from "engine.io-parser";
import { Decoder } from "socket.io-parser";

// What the official parser takes for an ack id: it takes white space for the digit 0.
const ackId = (text) => /^(?:[56][^-]*-|[0-46])(?:\/[^,]*(?:,|$))?([0-9\s]*)/.exec(text)?.[1] ?? "";

const deliberate = {
  // [why, whether it is the reason for this case]
  socket: [
    ["no packet, or white space for a type", ({ text }) => /^(\s|$)/.test(text)],
    ["a namespace with control characters would break lines", ({ ours }) => /namespace.*control character/.test(ours.error)],
    ["a namespace with a query: clients send its path alone", ({ ours }) => /namespace.*'\?'/.test(ours.error)],
    ["an attachment count in other than digits", ({ text }) => /^[56](?![0-9]+-)/.test(text)],
    ["white space among the digits of an ack id", ({ text }) => /\s/.test(ackId(text))],
    ["an ack id of more digits than 64 bits surely hold", ({ text }) => ackId(text).length > 19],
    ["an ack for no question", ({ theirs }) => theirs.type === 3 && theirs.id === undefined],
    ["an ack id where nothing is asked", ({ theirs }) => [0, 1, 4].includes(theirs.type) && theirs.id !== undefined],
    ["an event, ack or error without a payload", ({ theirs }) => [2, 3, 4].includes(theirs.type) && theirs.data === undefined],
    ["an event named by a number", ({ theirs }) => theirs.type === 2 && typeof theirs.data?.[0] === "number"],
    ["an event's name that is not Unicode", ({ ours }) => /name is not Unicode/.test(ours.error)],
    ["nesting that a recursive walk would not survive", ({ ours }) => /nested too deep/.test(ours.error)],
    ["a placeholder that counts in other than digits", ({ text, ours }) => /placeholder names/.test(ours.error) && /"num":(-0|[0-9]*\.[0-9])/.test(text)],
    ["no attachments in a binary packet, which newer official parsers take", ({ text, theirs }) => /^[56]0+-/.test(text) && theirs.error],
  ],
  engine: [
    ["base64 in a text frame: only polling carries it so", ({ text }) => text.startsWith("b")],
  ],
  payload: [
    ["base64 that is none: the official parser takes what it can of it", ({ ours }) => /not base64/.test(ours.error)],
  ],
};

const { decode, same } = {
  socket: { decode: socketPacket, same: sameSocketPacket },
  engine: { decode: enginePacket, same: sameEnginePacket },
  payload: { decode: payload, same: samePayload },
}[process.argv[2]];
const listed = deliberate[process.argv[2]];

function enginePacket({ text }) {
  const { type, data } = decodePacket(text);
  return type === "error" ? { error: data } : { type, data };
}

function sameEnginePacket(ours, theirs) {
  assert.equal(ours.type, theirs.type);
  if (ours.data !== null) assert.equal(ours.data, theirs.data ?? "");
}

function payload({ text }) {
  const packets = decodePayload(text);
  return packets.some(({ type }) => type === "error") ? { error: "a packet of it" } : { packets };
}

function samePayload(ours, theirs) {
  assert.equal(ours.packets.length, theirs.packets.length);
  for (const [index, packet] of ours.packets.entries()) {
    const other = theirs.packets[index];
    if (packet.binary) assert.deepEqual({ type: "message", data: Buffer.from(packet.binary) }, other);
    else sameEnginePacket(packet, other);
  }
}

function socketPacket({ text }) {
  let packet;
  const decoder = new Decoder();
  decoder.on("decoded", (decoded) => (packet = decoded));
  try {
    decoder.add(text);
    for (let number = 0; number < 10 && !packet; number++) decoder.add(Buffer.from([number]));
  } catch (error) {
    return { error: error.message };
  }
  return packet;
}

function sameSocketPacket(ours, theirs, { text }) {
  assert.equal(ours.type, theirs.type);
  assert.equal(ours.nsp, theirs.nsp);
  assert.equal(ours.id == null ? undefined : Number(ours.id), theirs.id);
  const data = ours.data === null ? undefined : JSON.parse(ours.data);
  const binary = /^[56]0*[1-9]/.test(text);
  assert.deepEqual(binary ? filled(data) : data, theirs.data);
}

// Placeholders become what the official decoder puts in their place: here, attachment N is the one byte N.
function filled(value) {
  if (Array.isArray(value)) return value.map(filled);
  if (value === null || typeof value !== "object") return value;
  if (value._placeholder === true) return Buffer.from([value.num]);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item)]));
}

const met = new Set();
let wrong = 0;
function complain(what) {
  wrong += 1;
  if (wrong <= 20) console.error(what);
}

for await (const line of createInterface({ input: process.stdin })) {
  const { ours, ...input } = JSON.parse(line);
  const theirs = decode(input);
  if (ours.error && theirs.error) continue;
  if (ours.error || theirs.error) {
    const found = listed.filter(([, fits]) => fits({ ...input, ours, theirs }));
    found.forEach((entry) => met.add(entry));
    if (found.length === 0) complain(`only one takes it: ${JSON.stringify({ ...input, ours, theirs })}`);
    continue;
  }
  try {
    same(ours, theirs, input);
  } catch {
    complain(`not the same: ${JSON.stringify({ ...input, ours, theirs })}`);
  }
}
for (const entry of listed) if (!met.has(entry)) complain(`never met: ${entry[0]}`);
process.exitCode = wrong > 0 ? 1 : 0;
