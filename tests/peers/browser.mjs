// What the scripts for pages stand on: Chromium, pages in it that hold their tests to no error, terminals beside it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const packages = createRequire(import.meta.url);

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ],
  });
}

// A page in a browser window of its own. What it complains of is in `complaints`.
export async function open(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (line) => line.type() === "error" && page.complaints.push(line.text()));
  await page.goto(url);
  return page;
}

// Waits until an element holds this text.
export const shows = (page, selector, text) => page.locator(selector, { hasText: text }).first().waitFor();

// The page as it is now, for who wants to look at it: into the folder that SCREENSHOTS names.
export async function picture(page, name) {
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
}

// Everything that axe-core knows to be an obstacle.
export async function assertAccessible(page, what) {
  await page.evaluate(readFileSync(packages.resolve("axe-core/axe.min.js"), "utf8"));
  const { violations, incomplete } = await page.evaluate(() => globalThis.axe.run());
  const found = [...violations, ...incomplete.filter(({ id }) => id === "color-contrast")];
  const shown = found.map(({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map(({ html }) => html).join("\n  ")}`);
  assert.deepEqual(shown, [], `${what} has obstacles`);
}

// `roomcat …` in a terminal; `heard(text)` waits for a line of its stdout.
export function terminal(...args) {
  const child = spawn("roomcat", args, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = [];
  let look = () => {};
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    look();
  });
  const heard = (text) =>
    new Promise((done) => {
      look = () => lines.includes(text) && done();
      look();
    });
  return { heard, type: (line) => child.stdin.write(`${line}\n`), end: () => child.kill() };
}

// Runs `roomcat …` to its end, which has to be a good one, and returns what it printed.
export async function roomcat(...args) {
  const child = spawn("roomcat", args, { stdio: ["ignore", "pipe", "inherit"] });
  const printed = [];
  child.stdout.on("data", (data) => printed.push(data));
  const code = await new Promise((done) => child.on("close", done));
  assert.equal(code, 0, `roomcat ${args.join(" ")}`);
  return Buffer.concat(printed).toString();
}

// Has whoever runs the script do something that it cannot, and waits for it: a word out, a line in.
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
export async function please(what) {
  console.log(what);
  const { value } = await answers.next();
  assert.equal(value, "done");
}
