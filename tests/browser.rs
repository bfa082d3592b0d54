//! Pages in Chromium against the hub: the chat page with either client, the page for a class, our client's behaviours.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::harness::peers::{folder, node};
use crate::harness::{Cmd, TestHub};

/// Where the hub's pages are.
fn http(hub: &TestHub) -> String {
    hub.url().replacen("ws://", "http://", 1)
}

fn pages(hub: &TestHub, what: &str) -> Cmd {
    node("pages.mjs", &[what, &http(hub)]).env("ROOMCAT_URL", hub.url())
}

fn chat_page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/chat")
}

/// The official client's bundle, where a page looks for the script.
fn with_bundle(site: &TempDir) -> String {
    let bundle = folder().join("node_modules/socket.io-client/dist/socket.io.min.js");
    let place = site.path().join("socket.io");
    fs::create_dir(&place).unwrap();
    fs::copy(bundle, place.join("socket.io.js")).unwrap();
    site.path().display().to_string()
}

#[test]
fn the_chat_page_chats_with_our_client() {
    let hub = TestHub::with(&["--static", &chat_page().display().to_string()]);
    pages(&hub, "chat").check();
}

#[test]
fn the_page_for_teaching_chats() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/teaching.md");
    let document = fs::read_to_string(document).unwrap();
    let (_, page) = document.split_once("```html\n").unwrap();
    let (page, _) = page.split_once("```").unwrap();
    let site = tempfile::tempdir().unwrap();
    // A browser asks for an icon otherwise, and complains that there is none.
    let page = page.replace("<title>", "<link rel=icon href=data:,><title>");
    fs::write(site.path().join("index.html"), page).unwrap();
    let hub = TestHub::with(&["--static", &site.path().display().to_string()]);
    pages(&hub, "chat").check();
}

#[test]
fn the_chat_page_chats_with_the_official_bundle() {
    let site = tempfile::tempdir().unwrap();
    fs::copy(
        chat_page().join("index.html"),
        site.path().join("index.html"),
    )
    .unwrap();
    let hub = TestHub::with(&["--static", &with_bundle(&site)]);
    pages(&hub, "chat").check();
}

#[test]
fn the_class_page_shows_rooms_members_and_frames() {
    pages(&TestHub::start(), "classroom").check();
}

#[test]
fn the_class_page_fits_a_narrow_window() {
    pages(&TestHub::start(), "narrow").check();
}

#[test]
fn the_class_page_needs_no_mouse() {
    pages(&TestHub::start(), "keyboard").check();
}

#[test]
fn the_class_page_says_why_it_is_refused_and_shows_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    fs::write(&token, "secret\n").unwrap();
    let hub = TestHub::with(&["--token-file", &token.display().to_string()]);
    pages(&hub, "refused").check();
}

#[test]
fn the_class_page_goes_on_after_the_hub_was_restarted() {
    restarting(TestHub::start(), "restart", &["pub", "lobby"]);
}

#[test]
fn the_chat_page_goes_on_after_the_hub_was_restarted() {
    let site = chat_page().display().to_string();
    let hub = TestHub::with(&["--recovery", "2m", "--static", &site]);
    restarting(hub, "recovery", &["pub", "/", "-e", "chat message"]);
}

#[test]
fn the_chat_page_with_the_official_bundle_goes_on_after_the_hub_was_restarted() {
    let site = tempfile::tempdir().unwrap();
    let page = site.path().join("index.html");
    fs::copy(chat_page().join("index.html"), page).unwrap();
    let hub = TestHub::with(&["--recovery", "2m", "--static", &with_bundle(&site)]);
    restarting(hub, "recovery", &["pub", "/", "-e", "chat message"]);
}

/// Stops and starts the hub when the script asks for it, and says "meanwhile" as a terminal does.
fn restarting(mut hub: TestHub, what: &str, say: &[&str]) {
    let mut script = pages(&hub, what).spawn();
    assert_eq!(script.line(), "stop");
    hub.stop();
    script.write("done\n");
    assert_eq!(script.line(), "restart and say: meanwhile");
    hub.restart();
    hub.cmd(say).stdin("meanwhile\n").check();
    script.write("done\n");
    let ended = script.wait();
    assert_eq!(ended.status, 0, "{}", ended.stderr());
}

#[test]
fn our_client_behaves_as_the_official_one() {
    let site = tempfile::tempdir().unwrap();
    let page = "<!doctype html><title>empty</title><link rel=icon href=data:,>";
    fs::write(site.path().join("index.html"), page).unwrap();
    let hub = TestHub::with(&["--static", &site.path().display().to_string()]);
    let official = folder().join("node_modules/socket.io-client/dist/socket.io.min.js");
    let official = official.display().to_string();
    node("behaviours.mjs", &[&http(&hub), &official]).check();
}
