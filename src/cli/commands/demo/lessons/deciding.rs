//! Who may, and what the server answers: middleware and acknowledgements.

use super::lesson::Lesson;
use crate::cli::commands::demo::stage::{Held, Stage};
use crate::cli::failure::Failure;

pub(super) const MIDDLEWARE: Lesson = Lesson {
    title: "Middleware: tokens, and a program that decides",
    about: "Before a socket enters a namespace, the server may look at it and refuse: Socket.IO's io.use.",
    files: &[
        (
            "hub.toml",
            "[namespaces.\"/board\"]\n\
             tokens = [\n  \
               { token-file = \"chalk\", as = \"teacher\" },\n  \
               { token-file = \"slate\", may = [\"sub\"] },\n\
             ]\n\n\
             [namespaces.\"/door\"]\n\
             handler = \"sh door.sh\"\n",
        ),
        (
            "door.sh",
            "while IFS= read -r line; do\n  \
               id=${line#'{\"id\":'} id=${id%%,*}\n  \
               case ${line%%',\"args\":'*} in\n    \
                 *',\"as\":\"'*',\"event\":\"connect\"') echo \"{\\\"id\\\":$id,\\\"ack\\\":[]}\" ;;\n    \
                 *',\"event\":\"connect\"') echo \"{\\\"id\\\":$id,\\\"deny\\\":\\\"say who you are\\\"}\" ;;\n  \
               esac\n\
             done\n",
        ),
        ("chalk", "chalk-and-duster\n"),
        ("slate", "a-clean-slate\n"),
    ],
    play: middleware,
    seen: "A token is part of the CONNECT packet's auth object, and decides whether its holder comes in, as whom, and what it \
           may do; a refusal is a CONNECT_ERROR, 44. In /door the same question went to a shell script, which read it as a \
           line of JSON and answered with another.",
};

fn middleware(stage: &mut Stage, lesson: &Lesson) -> Result<(), Failure> {
    stage.file(lesson.files, "hub.toml");
    stage.hold(
        &["pub", "/board", "may I?", "--trace"],
        &Held {
            frames: &[
                "→ 40/board,{\"roomcat\":1}",
                "← 44/board,{…\"message\":\"this hub wants a token\"}",
            ],
            error: Some("roomcat: …refused…"),
            status: 4,
            ..Held::default()
        },
    )?;
    stage.hold(
        &["pub", "/board", "may I?", "--token-file", "slate"],
        &Held {
            error: Some(
                "roomcat: the hub refused: this token does not let its holder publish here…",
            ),
            status: 4,
            ..Held::default()
        },
    )?;
    let mut bob = stage.listen(
        "bob",
        &["sub", "/board", "--token-file", "slate", "--trace"],
    )?;
    bob.sees("← 42/board,[\"caught-up\",…]")?;
    let words = [
        "pub",
        "/board",
        "page 12, please",
        "--token-file",
        "chalk",
        "--trace",
    ];
    stage.hold(
        &words,
        &Held {
            frames: &[
                "→ 40/board,{…\"token\":\"chal…\"…}",
                "← 43/board,1[{…\"ok\":true,…}]",
            ],
            ..Held::default()
        },
    )?;
    bob.hears("page 12, please")?;
    stage.file(lesson.files, "door.sh");
    stage.hold(
        &["emit", "hello", "--namespace", "/door", "--trace"],
        &Held {
            frames: &["→ 40/door,", "← 44/door,{…\"message\":\"say who you are\"}"],
            error: Some("roomcat: …say who you are…"),
            status: 4,
            ..Held::default()
        },
    )?;
    stage.hold(
        &[
            "emit",
            "hello",
            "--namespace",
            "/door",
            "--as",
            "alice",
            "--trace",
        ],
        &Held {
            frames: &["→ 40/door,{\"as\":\"alice\"}", "← 40/door,{\"sid\":\"…\"}"],
            ..Held::default()
        },
    )
}

pub(super) const ACKS: Lesson = Lesson {
    title: "Acknowledgements",
    about: "An event may ask for an answer: Socket.IO's callback, and the reason why pub ends with 0.",
    files: &[(
        "hub.toml",
        "[namespaces.\"/\".on.save]\nack = [\"saved\"]\n",
    )],
    play: acks,
    seen: "A number behind the type asks for an answer, and the packet that answers, 43, has the same number. The answer to what \
           pub sends is a receipt: it is written when the message is on disk, and says how many got it at once and for how \
           many it waits.",
};

fn acks(stage: &mut Stage, lesson: &Lesson) -> Result<(), Failure> {
    stage.file(lesson.files, "hub.toml");
    stage.hold(
        &["emit", "--ack", "save", "notes.txt", "--trace"],
        &Held {
            stdout: &["[\"saved\"]"],
            frames: &["→ 420[\"save\",\"notes.txt\"]", "← 430[\"saved\"]"],
            ..Held::default()
        },
    )?;
    stage.hold(
        &[
            "pub",
            "lobby",
            "--require",
            "1",
            "is anyone there?",
            "--trace",
        ],
        &Held {
            frames: &[
                "→ 451-1[\"batch\",{\"rooms\":[\"lobby\"],…",
                "← 431[{\"count\":1,\"delivered\":0,…\"ok\":true,\"queued\":0}]",
            ],
            error: Some("roomcat: --require 1: a message reached 0 listeners"),
            status: 6,
            ..Held::default()
        },
    )?;
    let mut alice = stage.listen("alice", &["sub", "lobby"])?;
    stage.sockets("/", "lobby", 1)?;
    stage.hold(
        &["pub", "lobby", "--require", "1", "and now?", "--trace"],
        &Held {
            frames: &["← 431[{\"count\":1,\"delivered\":1,…\"ok\":true,\"queued\":0}]"],
            ..Held::default()
        },
    )?;
    alice.hears("and now?")
}
