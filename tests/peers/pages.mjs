// The pages in a browser: `pages.mjs WHAT URL`. roomcat itself is found on the PATH, its hub by ROOMCAT_URL.
import assert from "node:assert/strict";
import { assertAccessible, launch, open, picture, please, roomcat, shows, terminal } from "./browser.mjs";

const [what, url] = process.argv.slice(2);

const event = "chat message";

// Waits until so many sockets are in a room of the main namespace.
async function inRoom(name, sockets) {
  for (;;) {
    const rooms = (await roomcat("rooms", "--json")).split("\n").filter(Boolean).map(JSON.parse);
    if (rooms.find(({ room }) => room === name)?.sockets === sockets) return;
  }
}

async function enter(page, { name = "", rooms = [], namespace = "/" } = {}) {
  await page.fill("#namespace", namespace);
  await page.fill("#name", name);
  await page.click("#connect-button");
  await shows(page, "#state", "connected");
  await shows(page, "#mine", "everyone in");
  for (const room of rooms) {
    await page.fill("#join-room", room);
    await page.press("#join-room", "Enter");
    await shows(page, "#mine", room);
  }
}

async function say(page, text, { room = "", to = "all", event = "message" } = {}) {
  await page.fill("#text", text);
  await page.fill("#event", event);
  await page.fill("#room", room);
  await page.check(`input[name=to][value=${to}]`);
  await page.press("#text", "Enter");
}

const texts = (page) => page.locator("#messages .text").allTextContents();

const scenarios = {
  // Two browsers and a terminal, with whatever client the page loads.
  async chat(browser) {
    const [alice, bob] = [await open(browser, url), await open(browser, url, { colorScheme: "dark" })];
    const reader = terminal("sub", "/", "-e", event);
    await inRoom("", 3);
    for (const [page, text] of [[alice, "from alice"], [bob, "from <b>bob</b>"]]) {
      await page.fill("#input", text);
      await page.press("#input", "Enter");
      for (const other of [alice, bob]) await shows(other, "#messages li", text);
      await reader.heard(text);
    }
    await roomcat("pub", "/", "-e", event, "from a terminal");
    for (const page of [alice, bob]) {
      await shows(page, "#messages li", "from a terminal");
      assert.equal(await page.locator("#messages li").count(), 3);
    }
    await assertAccessible(alice, "the chat page in light");
    await assertAccessible(bob, "the chat page in dark");
    await picture(alice, "chat-light");
    await picture(bob, "chat-dark");
    return [alice, bob];
  },

  async classroom(browser) {
    const alice = await open(browser, url);
    const bob = await open(browser, url, { colorScheme: "dark" });
    await enter(alice, { name: "alice", rooms: ["lobby"] });
    await enter(bob, { rooms: ["lobby"] });
    const carol = terminal("chat", "lobby", "--as", "carol");
    await inRoom("lobby", 3);

    await say(alice, "to all <img src=x onerror=alert(1)>", { room: "lobby" });
    for (const page of [alice, bob]) await shows(page, "#messages .text", "to all <img");
    await carol.heard("to all <img src=x onerror=alert(1)>");
    await shows(alice, "#receipt", "delivered to 3 sockets");
    await say(bob, "to the others", { room: "lobby", to: "others" });
    await shows(alice, "#messages .text", "to the others");
    await carol.heard("to the others");
    carol.type("from the terminal");
    for (const page of [alice, bob]) await shows(page, "#messages li", "from the terminal");
    await say(alice, "to everyone");
    await shows(bob, "#messages li", "everyone in /");
    assert.deepEqual(await texts(bob), ["to all <img src=x onerror=alert(1)>", "from the terminal", "to everyone"]);
    const line = bob.locator("#messages li", { hasText: "from the terminal" });
    assert.match(await line.locator(".meta").innerText(), /carol\s+message\s+lobby\s+\d\d:\d\d:\d\d\s+no\. \d+/);

    // What is said while a member is away waits for it, and everyone can see how much.
    await roomcat("join", "lobby", "--as", "dave");
    await roomcat("pub", "lobby", "dave is away");
    // What is wrong is said where it was asked for, until it is right.
    await say(bob, "to nobody", { event: "connect" });
    await shows(bob, "#receipt", /is reserved by Socket\.IO; give the event another name$/);
    await bob.fill("#join-room", "x".repeat(300));
    await bob.press("#join-room", "Enter");
    await shows(bob, "#join-answer", "at most 256");
    await bob.fill("#join-room", "attic");
    await bob.press("#join-room", "Enter");
    await bob.waitForFunction(() => document.getElementById("join-answer").textContent === "");
    await bob.getByRole("button", { name: "Leave attic" }).click();
    await shows(bob, "#rooms .members li", /dave\s*away\s*1 waiting/);
    await shows(bob, "#rooms .members li", /alice\s*here\s*nothing waiting/);

    // Whatever a message is made of.
    await roomcat("pub", "lobby", "--json", "-e", "numbers", '{"n": [1, 2]}');
    await shows(bob, "#messages .text", '{"n": [1, 2]}');
    await shows(alice, "#frames", "message, BINARY_EVENT");
    await shows(alice, "#frames", "ack id: expects an answer");

    for (const [page, scheme] of [[alice, "light"], [bob, "dark"]]) {
      await assertAccessible(page, `the class page in ${scheme}`);
      await picture(page, `class-${scheme}`);
    }
    await bob.getByRole("button", { name: "Leave lobby" }).click();
    await inRoom("lobby", 2);
    await say(alice, "bob has left", { room: "lobby" });
    await say(alice, "still everyone");
    await shows(bob, "#messages .text", "still everyone");
    assert.ok(!(await texts(bob)).includes("bob has left"));
    return [alice, bob];
  },

  // Small windows and large letters: nothing is cut off, nothing needs scrolling sideways.
  async narrow(browser) {
    const page = await open(browser, url, { viewport: { width: 320, height: 640 } });
    await enter(page, { name: "alice", rooms: ["a-room-with-a-name-that-is-longer-than-this-window-is-wide"] });
    await say(page, "wide".repeat(200), { room: "a-room-with-a-name-that-is-longer-than-this-window-is-wide" });
    await shows(page, "#messages .text", "widewide");
    await shows(page, "#rooms", "nothing waiting");
    for (const [width, scale] of [[320, 1], [1280, 2], [1920, 1]]) {
      await page.setViewportSize({ width: width / scale, height: 640 });
      const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(content <= window, `${content} pixels in a window of ${window}`);
      await picture(page, `class-${width}-${scale}`);
    }
    const small = await page.evaluate(() =>
      [...document.querySelectorAll("body *")]
        .filter((it) => it.checkVisibility() && parseFloat(getComputedStyle(it).fontSize) < 18)
        .map((it) => it.outerHTML.slice(0, 80)),
    );
    assert.deepEqual(small, [], "text below 18 px");
    await assertAccessible(page, "the narrow class page");
    return [page];
  },

  // Only Tab, Enter, the arrows and letters.
  async keyboard(browser) {
    const page = await open(browser, url);
    const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent);
    const tabTo = async (id) => {
      for (let presses = 0; (await focused()) !== id; presses++) {
        assert.ok(presses < 30, `Tab does not come to ${id}`);
        await page.keyboard.press("Tab");
        const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
        assert.notEqual(outline, "none", `the focus cannot be seen on ${await focused()}`);
      }
    };
    await tabTo("name");
    await page.keyboard.type("alice");
    await tabTo("connect-button");
    await page.keyboard.press("Enter");
    await shows(page, "#state", "connected as alice");
    assert.equal(await focused(), "connect-button");
    await tabTo("join-room");
    await page.keyboard.press("Control+A");
    await page.keyboard.type("attic");
    await page.keyboard.press("Enter");
    await shows(page, "#mine", "attic");
    await tabTo("text");
    await page.keyboard.type("by keys alone");
    await tabTo("room");
    await page.keyboard.type("attic");
    await page.keyboard.press("Tab");
    await page.keyboard.press("ArrowDown");
    assert.ok(await page.isChecked("input[value=others]"));
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Enter");
    await shows(page, "#messages .text", "by keys alone");
    await tabTo("pause");
    await page.keyboard.press("Space");
    assert.equal(await page.getAttribute("#pause", "aria-pressed"), "true");
    await page.locator("#mine button").first().focus();
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelectorAll("#mine li").length === 1);
    assert.equal(await focused(), "join-room");
    await page.locator("#connect-button").focus();
    await page.keyboard.press("Enter");
    await shows(page, "#state", "not connected");
    return [page];
  },

  // The hub goes away and comes back; what was said meanwhile arrives, for a name and without one.
  async restart(browser) {
    const [named, unnamed] = [await open(browser, url), await open(browser, url)];
    await enter(named, { name: "alice", rooms: ["lobby"] });
    await enter(unnamed, { rooms: ["lobby"] });
    await say(unnamed, "before", { room: "lobby" });
    for (const page of [named, unnamed]) await shows(page, "#messages .text", "before");
    await please("stop");
    for (const page of [named, unnamed]) await shows(page, "#state", /connection lost|cannot reach/);
    await please("restart and say: meanwhile");
    for (const page of [named, unnamed]) {
      await shows(page, "#messages .text", "meanwhile");
      await shows(page, "#state", "connected");
    }
    await say(unnamed, "after", { room: "lobby" });
    for (const page of [named, unnamed]) {
      await shows(page, "#messages .text", "after");
      assert.deepEqual(await texts(page), ["before", "meanwhile", "after"]);
      // A browser complains of each attempt that fails.
      page.complaints = page.complaints.filter((text) => !text.includes("ERR_CONNECTION_REFUSED"));
    }
    return [named, unnamed];
  },

  // The chat page, whose client has no name: the hub's recovery gives it what it missed.
  async recovery(browser) {
    const page = await open(browser, url);
    const heard = (text) => shows(page, "#messages li", text);
    await inRoom("", 1);
    await page.fill("#input", "before");
    await page.press("#input", "Enter");
    await heard("before");
    await please("stop");
    await shows(page, "#status", "connection lost");
    // It is kept until there is a connection again.
    await page.fill("#input", "typed meanwhile");
    await page.press("#input", "Enter");
    await please("restart and say: meanwhile");
    await heard("typed meanwhile");
    await heard(/^meanwhile/);
    await shows(page, "#status", "connected");
    const items = await page.locator("#messages li").allTextContents();
    assert.deepEqual(items.sort(), ["before", "meanwhile", "typed meanwhile"]);
    page.complaints = page.complaints.filter((text) => !text.includes("ERR_CONNECTION_REFUSED"));
    return [page];
  },

  async refused(browser) {
    const page = await open(browser, url);
    await page.fill("#token", "hunter2");
    await page.click("#connect-button");
    await shows(page, "#state", "the token is wrong");
    assert.equal(await page.innerText("#connect-button"), "Connect");
    await shows(page, "#frames", '"token":"•••"');
    assert.ok(!(await page.content()).includes("hunter2"), "the token is shown");
    return [page];
  },
};

const browser = await launch();
const failing = setTimeout(() => {
  console.error(`${what}: not done after 50 seconds`);
  process.exit(1);
}, 50_000);
const pages = await scenarios[what](browser);
for (const page of pages) assert.deepEqual(page.complaints, [], "what the browser complained of");
await browser.close();
clearTimeout(failing);
process.exit(0);
