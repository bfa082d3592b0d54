//! Files for browsers: what of a folder is served and what never is, and the pages that are built in.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use crate::harness::TestHub;
use crate::raw::{self, Raw};

/// An answer, read until the hub closes.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn get(hub: &TestHub, target: &str) -> Answer {
    ask(hub, "GET", target, &[])
}

fn ask(hub: &TestHub, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
    let mut stream = send(hub, method, target, headers);
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head,
        body: answer[end + 4..].to_vec(),
    }
}

fn send(hub: &TestHub, method: &str, target: &str, headers: &[(&str, &str)]) -> TcpStream {
    let host = hub.url().strip_prefix("ws://").unwrap();
    let mut request = format!("{method} {target} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        request.push_str(&format!("Host: {host}\r\n"));
    }
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut stream = raw::tcp(hub.url()).unwrap();
    stream
        .write_all(format!("{request}\r\n").as_bytes())
        .unwrap();
    stream
}

/// `site`, a folder with pages, beside `outside`, which is none of its business.
fn folders() -> TempDir {
    // Not hidden itself: what is refused outside of the folder is refused for being outside.
    let around = tempfile::Builder::new().prefix("around").tempdir().unwrap();
    for folder in ["site/sub", "site/.git", "outside"] {
        fs::create_dir_all(around.path().join(folder)).unwrap();
    }
    for (file, text) in [
        ("site/index.html", "<p>index"),
        ("site/sub/index.html", "<p>sub"),
        ("site/style.css", "p{}"),
        ("site/a b.txt", "spaced"),
        ("site/.env", "secret"),
        ("site/.git/config", "secret"),
        ("outside/file", "secret"),
    ] {
        fs::write(around.path().join(file), text).unwrap();
    }
    around
}

fn serving(around: &TempDir) -> TestHub {
    let site = around.path().join("site");
    TestHub::with(&["--static", &site.display().to_string()])
}

#[test]
fn a_folder_is_served_with_its_types_and_indexes() {
    let around = folders();
    let hub = serving(&around);
    for (target, kind, body) in [
        ("/", "text/html; charset=utf-8", "<p>index"),
        ("/?query", "text/html; charset=utf-8", "<p>index"),
        ("/index.html", "text/html; charset=utf-8", "<p>index"),
        ("/sub/", "text/html; charset=utf-8", "<p>sub"),
        ("/style.css", "text/css; charset=utf-8", "p{}"),
        ("/a%20b.txt", "text/plain; charset=utf-8", "spaced"),
    ] {
        let answer = get(&hub, target);
        assert_eq!(
            (answer.status, answer.text()),
            (200, body.to_owned()),
            "{target}"
        );
        assert_eq!(answer.header("content-type"), Some(kind), "{target}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let head = ask(&hub, "HEAD", target, &[]);
        let length = body.len().to_string();
        assert_eq!((head.status, head.body.len()), (200, 0), "{target}");
        assert_eq!(head.header("content-length"), Some(&*length), "{target}");
    }
    let moved = get(&hub, "/sub?a=b");
    assert_eq!(
        (moved.status, moved.header("location")),
        (307, Some("/sub/?a=b"))
    );
    let posted = ask(&hub, "POST", "/", &[("Content-Length", "0")]);
    assert_eq!(
        (posted.status, posted.header("allow")),
        (405, Some("GET, HEAD"))
    );
    assert_eq!(get(&hub, "/sub/none").status, 404);
    assert!(
        get(&hub, "/none")
            .text()
            .contains("/socket.io/socket.io.js")
    );
}

#[test]
fn no_path_leaves_the_folder() {
    let around = folders();
    let (site, outside) = (around.path().join("site"), around.path().join("outside"));
    symlink(outside.join("file"), site.join("file")).unwrap();
    symlink("../outside", site.join("out")).unwrap();
    symlink("/", site.join("root")).unwrap();
    symlink(".env", site.join("env")).unwrap();
    symlink("style.css", site.join("inside.css")).unwrap();
    let hub = serving(&around);
    let absolute = format!("/{}", outside.join("file").display());
    let through_root = format!("/root{}", outside.join("file").display());
    for target in [
        "/../outside/file",
        "/sub/../../outside/file",
        "/%2e%2e/outside/file",
        "/..%2foutside/file",
        "/%2e%2e%2foutside%2ffile",
        "/sub/%2E%2E/%2E%2e/outside/file",
        "/.%2e/outside/file",
        "/..%5coutside%5cfile",
        "/%252e%252e/outside/file",
        "/..;/outside/file",
        "/%c0%ae%c0%ae/outside/file",
        "//outside/file",
        "/./index.html",
        "/index.html%00.txt",
        "/%00",
        "/%",
        "/%2",
        "/%zz",
        "/file",
        "/out/file",
        "/out/",
        "/out",
        "/root/etc/passwd",
        "/.env",
        "/%2eenv",
        "/.git/config",
        "/.git/",
        "/env",
        "/style.css/",
        "/style.css/x",
        "*",
        &absolute,
        &through_root,
        &format!("/{}", "x/".repeat(5000)),
    ] {
        let answer = get(&hub, target);
        let (status, text) = (answer.status, answer.text());
        // `*` is no path for a GET, and HTTP itself refuses it.
        assert!(matches!(status, 400 | 404), "{target}: {status} {text}");
        assert!(!text.contains("secret"), "{target}: {text}");
    }
    assert_eq!(get(&hub, "/inside.css").text(), "p{}");
    let absolute_form = format!("{}/../outside/file", hub.url().replacen("ws", "http", 1));
    assert_eq!(get(&hub, &absolute_form).status, 404);
}

#[test]
fn what_is_the_hubs_own_is_not_served() {
    let around = folders();
    let site = around.path().join("site");
    let (database, token) = (site.join("hub.db"), site.join("token"));
    fs::write(&token, "secret\n").unwrap();
    fs::write(site.join("teacher.token"), "another\n").unwrap();
    let config = "[namespaces.\"/\"]\ntokens = [{token-file = \"teacher.token\"}]\n";
    fs::write(site.join("hub.toml"), config).unwrap();
    let hub = TestHub::with(&[
        "--static",
        &site.display().to_string(),
        "--config",
        &site.join("hub.toml").display().to_string(),
        "--db",
        &database.display().to_string(),
        "--token-file",
        &token.display().to_string(),
    ]);
    symlink("hub.db", site.join("link")).unwrap();
    fs::hard_link(&token, site.join("again")).unwrap();
    for target in [
        "/hub.db",
        "/hub.db-wal",
        "/hub.db-shm",
        "/hub.db.lock",
        "/token",
        "/link",
        "/again",
        "/hub.toml",
        "/teacher.token",
    ] {
        assert_eq!(get(&hub, target).status, 404, "{target}");
    }
    assert_eq!(get(&hub, "/").status, 200);
}

#[test]
fn what_a_browser_has_is_not_sent_again_until_it_changes() {
    let around = folders();
    let hub = serving(&around);
    for target in [
        "/style.css",
        "/socket.io/socket.io.js",
        "/socket.io/socket.io.esm.js",
    ] {
        let etag = get(&hub, target).header("etag").unwrap().to_owned();
        for tags in [etag.clone(), format!("\"other\", {etag}"), "*".to_owned()] {
            let answer = ask(&hub, "GET", target, &[("If-None-Match", &tags)]);
            assert_eq!(
                (answer.status, answer.body.len()),
                (304, 0),
                "{target} {tags}"
            );
            assert_eq!(answer.header("etag"), Some(&*etag));
        }
        let other = ask(&hub, "GET", target, &[("If-None-Match", "\"other\"")]);
        assert_eq!(other.status, 200, "{target}");
    }
    let before = get(&hub, "/style.css").header("etag").unwrap().to_owned();
    fs::write(around.path().join("site/style.css"), "p{color:red}").unwrap();
    let after = ask(&hub, "GET", "/style.css", &[("If-None-Match", &before)]);
    assert_eq!((after.status, after.text().as_str()), (200, "p{color:red}"));
}

#[test]
fn a_large_file_comes_whole_and_holds_up_nobody() {
    let around = folders();
    let bytes: Vec<u8> = (0..20_000_000_u32).map(|n| (n % 251) as u8).collect();
    fs::write(around.path().join("site/large.bin"), &bytes).unwrap();
    let hub = serving(&around);
    // These take nothing of what they asked for.
    let idle: Vec<TcpStream> = (0..32)
        .map(|_| send(&hub, "GET", "/large.bin", &[]))
        .collect();
    Raw::stock(hub.url()).assert_alive();
    let answer = get(&hub, "/large.bin");
    assert_eq!(answer.header("content-length"), Some("20000000"));
    assert!(answer.body == bytes);
    drop(idle);
    Raw::stock(hub.url()).assert_alive();
}

#[test]
fn only_our_own_pages_may_ask_for_files() {
    let around = folders();
    let hub = serving(&around);
    for headers in [("Host", "evil.example"), ("Origin", "http://evil.example")] {
        let answer = ask(&hub, "GET", "/index.html", &[headers]);
        assert_eq!(answer.status, 403, "{headers:?}");
        assert!(!answer.text().contains("index"), "{headers:?}");
    }
}

#[test]
fn a_client_and_a_page_are_built_in() {
    let hub = TestHub::start();
    let script = get(&hub, "/socket.io/socket.io.js");
    let kind = Some("text/javascript; charset=utf-8");
    assert_eq!((script.status, script.header("content-type")), (200, kind));
    assert!(script.text().contains("scope.io ="));
    let module = get(&hub, "/socket.io/socket.io.esm.js");
    assert!(module.text().starts_with(&script.text()) && module.text().contains("export {"));

    let (page, again) = (get(&hub, "/"), get(&hub, "/"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'nonce-"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_ne!(Some(policy), again.header("content-security-policy"));
    assert!(page.text().contains("<title>roomcat</title>"));
    assert!(!page.text().contains("{{nonce}}"));
    assert!(
        !page.text().contains("https://"),
        "the page is all there is"
    );
}

#[test]
fn a_client_in_the_folder_comes_before_the_built_in_one() {
    let around = folders();
    let place = around.path().join("site/socket.io");
    fs::create_dir(&place).unwrap();
    let hub = serving(&around);
    assert!(
        get(&hub, "/socket.io/socket.io.js")
            .text()
            .contains("scope.io =")
    );
    fs::write(place.join("socket.io.js"), "the official one").unwrap();
    assert_eq!(
        get(&hub, "/socket.io/socket.io.js").text(),
        "the official one"
    );
    // Socket.IO itself is still there.
    Raw::stock(hub.url()).assert_alive();
}

#[test]
fn a_folder_may_go_away_and_come_back() {
    let around = folders();
    let (site, away) = (around.path().join("site"), around.path().join("away"));
    let hub = serving(&around);
    fs::rename(&site, &away).unwrap();
    assert_eq!(get(&hub, "/").status, 500);
    hub.wait_for_stderr("cannot read the static folder");
    fs::rename(&away, &site).unwrap();
    assert_eq!(get(&hub, "/").text(), "<p>index");
}

#[test]
fn a_folder_that_is_none_is_refused() {
    use crate::harness::Cmd;
    let around = folders();
    let file = around.path().join("site/style.css");
    Cmd::new(&["serve", "--static", &file.display().to_string()])
        .status(2)
        .stderr_has("--static")
        .check();
}
