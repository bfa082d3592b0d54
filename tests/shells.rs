//! Completion in real shells: at a terminal, by typing a word, pressing Tab and checking the command that runs; and by the
//! shells' own ways of listing candidates.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Cmd, TestHub};
use crate::raw::Raw;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn script(name: &str) -> PathBuf {
    root().join("completions").join(name)
}

/// A hub with rooms, a member and a second namespace.
fn furnished() -> TestHub {
    let hub = TestHub::start();
    for room in ["lobby", "my room", "it's", "two words"] {
        hub.publish(room, "hi\n");
    }
    hub.publish("/admin#ops", "hi\n");
    hub.cmd(&["join", "ci", "--as", "alice"]).check();
    hub.cmd(&["join", "ci", "--as", "bob b"]).check();
    hub
}

/// Writes a settings file with named hubs to the hub's folder, which is the home folder of the clients.
fn with_settings(hub: &TestHub) {
    let folder = hub.folder().join(".config/roomcat");
    fs::create_dir_all(&folder).expect("a folder");
    let toml =
        "[hubs.school]\nurl = \"ws://127.0.0.1:1\"\n[hubs.shop]\nurl = \"ws://127.0.0.1:1\"\n";
    fs::write(folder.join("config.toml"), toml).expect("a file");
}

/// A shell at a terminal. There, `roomcat` prints its arguments; completion uses the real one.
struct Shell {
    start: &'static [&'static str],
    prompt: &'static str,
    load: &'static str,
    script: &'static str,
}

const BASH: Shell = Shell {
    start: &["bash", "--norc", "--noprofile", "-i"],
    prompt: "PS1=REA''DY",
    load: "source SCRIPT; roomcat() { printf '<%s>' \"$@\"; echo; }; echo o''k",
    script: "roomcat.bash",
};

const ZSH: Shell = Shell {
    start: &["zsh", "-f", "-i"],
    prompt: "PS1=REA''DY",
    load: "fpath=(FOLDER $fpath); autoload -U compinit; compinit -u -D; roomcat() { printf '<%s>' \"$@\"; echo; }; echo o''k",
    script: "_roomcat",
};

const FISH: Shell = Shell {
    start: &["fish", "--no-config", "-i"],
    prompt: "function fish_prompt; echo -n REA''DY; end",
    load: "source SCRIPT; function roomcat; printf '<%s>' $argv; echo; end; echo o''k",
    script: "roomcat.fish",
};

/// The text typed before Tab, the text that appears, and the arguments that the shell then runs. zsh omits the last slash
/// of a folder.
const TYPED: [(&str, &str, &str); 16] = [
    ("su", "b", "<sub>"),
    ("sub --dr", "ain", "<sub><--drain>"),
    ("sub lo", "bby", "<sub><lobby>"),
    ("sub my", "oom", "<sub><my room>"),
    ("sub 'my r", "oom", "<sub><my room>"),
    ("sub it", "s", "<sub><it's>"),
    (
        "pub lobby --except two",
        "ords",
        "<pub><lobby><--except><two words>",
    ),
    ("--as al", "ice", "<--as><alice>"),
    ("--namespace /adm", "in", "<--namespace></admin>"),
    ("-H sch", "ool", "<-H><school>"),
    ("pub ci --file=bui", "xt", "<pub><ci><--file=build log.txt>"),
    ("emit x @bui", "xt", "<emit><x><@build log.txt>"),
    ("sub /admin#o", "ps", "<sub></admin#ops>"),
    ("pub ci -f bui", "xt", "<pub><ci><-f><build log.txt>"),
    ("serve --static pa", "ges", "<serve><--static><pages"),
    ("help le", "ave", "<help><leave>"),
];

impl Shell {
    fn completes(&self, hub: &TestHub) {
        let script = script(self.script).display().to_string();
        let folder = root().join("completions").display().to_string();
        let load = self
            .load
            .replace("SCRIPT", &script)
            .replace("FOLDER", &folder);
        let mut steps = vec![
            (format!("{}\n", self.prompt), "READY".to_owned()),
            (format!("{load}\n"), "ok".to_owned()),
        ];
        for (typed, behind, run) in TYPED {
            steps.push((format!("roomcat {typed}\t"), behind.to_owned()));
            steps.push(("\n".to_owned(), run.to_owned()));
        }
        self.driven(hub, &steps);
    }

    fn driven(&self, hub: &TestHub, steps: &[(String, String)]) {
        let driver = root().join("tests/shells/drive.py").display().to_string();
        let mut words = vec![driver];
        words.extend(self.start.iter().map(|word| (*word).to_owned()));
        fs::write(hub.folder().join("build log.txt"), "").expect("a file");
        fs::create_dir_all(hub.folder().join("pages")).expect("a folder");
        with_settings(hub);
        Cmd::shell_with("exec python3 \"$@\"", &words)
            .directory(hub.folder())
            .env("ROOMCAT_URL", hub.url())
            .env("HOME", hub.folder())
            .env("XDG_CONFIG_HOME", "")
            .env("TERM", "vt100")
            .stdin(json!(steps).to_string())
            .any_stdout()
            .check();
    }
}

#[test]
fn bash_completes_at_a_terminal() {
    BASH.completes(&furnished());
}

#[test]
fn zsh_completes_at_a_terminal() {
    ZSH.completes(&furnished());
}

#[test]
fn fish_completes_at_a_terminal() {
    FISH.completes(&furnished());
}

/// The candidates of bash for a line, one per line.
fn bash_offers(url: &str, line: &str) -> String {
    bash_offers_in(Path::new("/"), url, line)
}

/// With `home` as the home folder.
fn bash_offers_in(home: &Path, url: &str, line: &str) -> String {
    let script = format!(
        "source '{}'; COMP_LINE=$1 COMP_POINT=${{#1}}; _roomcat roomcat \"${{1##*[ >]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script("roomcat.bash").display()
    );
    let outcome = Cmd::shell_with(&script, &[line])
        .env("ROOMCAT_URL", url)
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", "")
        .directory(home)
        .any_stdout()
        .check();
    outcome.stdout().trim_end_matches('\n').to_owned()
}

#[test]
fn what_fits_is_listed() {
    let hub = furnished();
    for (line, offered) in [
        ("roomcat sub ", "ci\nit\\'s\nlobby\nmy\\ room\ntwo\\ words"),
        ("roomcat --namespace /a", "/admin"),
        ("roomcat sub /a", "/admin\n/admin#"),
        ("roomcat sub --namespace /admin ", "ops"),
        ("roomcat sub --as ", "alice\nbob\\ b"),
        ("roomcat pub lobby --to \"t", "two words"),
        ("roomcat completions ", "bash\nzsh\nfish"),
        ("roomcat sub nothing-like-it", ""),
        ("roomcat comp", "completions"),
    ] {
        assert_eq!(bash_offers(hub.url(), line), offered, "{line}");
    }
    // Completion uses the hub that the line names.
    let line = format!("roomcat -u {} sub lob", hub.url());
    assert_eq!(bash_offers("ws://127.0.0.1:1", &line), "lobby");
    let listed = format!(
        "source '{}'; complete -C 'roomcat sub '",
        script("roomcat.fish").display()
    );
    Cmd::shell_with("exec fish --no-config -c \"$1\"", &[listed])
        .env("ROOMCAT_URL", hub.url())
        .env("HOME", hub.folder())
        .stdout("ci\nit's\nlobby\nmy room\ntwo words\n")
        .check();
}

#[test]
fn hubs_are_those_of_the_settings_file() {
    let hub = TestHub::start();
    with_settings(&hub);
    let offers = |line: &str| bash_offers_in(hub.folder(), hub.url(), line);
    assert_eq!(offers("roomcat -H "), "school\nshop");
    assert_eq!(offers("roomcat sub --hub=sh"), "shop");
    fs::write(hub.folder().join(".config/roomcat/config.toml"), "nonsense").expect("a file");
    assert_eq!(offers("roomcat -H "), "");
}

#[test]
fn behind_a_redirection_there_are_files() {
    let hub = furnished();
    fs::write(hub.folder().join("lost"), "").expect("a file");
    let offers = |line: &str| bash_offers_in(hub.folder(), hub.url(), line);
    for sign in [">", "> ", ">> ", "2> ", "< ", "&> "] {
        assert_eq!(
            offers(&format!("roomcat sub lobby {sign}lo")),
            "lost",
            "{sign}"
        );
    }
    assert_eq!(offers("roomcat sub > out lo"), "lobby");
}

#[test]
fn who_presses_tab_comes_without_a_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("token"), "s3cret\n").expect("a file");
    let token = folder.path().join("token").display().to_string();
    let hub = TestHub::with(&["--token-file", &token]);
    hub.cmd(&["pub", "lobby", "hi", "--token-file", &token])
        .check();
    // The shell has not expanded the tilde yet.
    let line = "roomcat sub --as laptop --token-file ~/token lo";
    assert_eq!(bash_offers_in(folder.path(), hub.url(), line), "lobby");
    assert!(!hub.stderr().contains("laptop"), "{}", hub.stderr());
}

#[test]
fn whom_to_kick_is_listed_by_name_and_by_sid() {
    let hub = furnished();
    let carol = json!({"roomcat": 1, "as": "carol"});
    let _both = [&carol, &carol].map(|auth| Raw::connected(hub.url(), "/", auth));
    let mut nameless = Raw::open(hub.url());
    let sid = nameless.connect("/", &json!({"roomcat": 1})).json()["sid"].clone();
    let sid = sid.as_str().expect("a sid");
    let offered = bash_offers(hub.url(), "roomcat kick ");
    let lines: Vec<&str> = offered.lines().collect();
    assert_eq!((lines[0], lines.len()), ("carol", 4), "{offered}");
    assert!(lines.contains(&sid), "{offered}");
    let begun = &sid[..10];
    let line = format!("roomcat kick {begun}");
    assert_eq!(bash_offers(hub.url(), &line), sid);
    assert_eq!(bash_offers(hub.url(), "roomcat kick al"), "", "she is away");
}

#[test]
fn without_a_hub_there_are_no_names_and_nothing_is_said() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = format!("ws://{}", silent.local_addr().expect("its address"));
    for url in ["ws://127.0.0.1:1", &silent, "nonsense"] {
        for shell in ["zsh", "fish"] {
            let begun = Instant::now();
            Cmd::new(&["complete", shell, "--", "roomcat", "sub", "lo"])
                .env("ROOMCAT_URL", url)
                .stdout("names\n")
                .check();
            // The limit is 200 ms; the rest is for a busy machine.
            assert!(begun.elapsed() < Duration::from_secs(10), "{url}");
        }
        assert_eq!(bash_offers(url, "roomcat sub lo"), "");
        assert_eq!(bash_offers(url, "roomcat sub --dra"), "--drain");
    }
}

#[test]
fn the_scripts_are_what_the_program_prints() {
    for (shell, file) in [
        ("bash", "roomcat.bash"),
        ("zsh", "_roomcat"),
        ("fish", "roomcat.fish"),
    ] {
        let script = fs::read_to_string(script(file)).expect("a script");
        Cmd::new(&["completions", shell]).stdout(script).check();
    }
}
