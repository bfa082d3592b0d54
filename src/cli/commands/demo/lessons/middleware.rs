//! Lessons on what the server decides and answers: middleware and acknowledgements.

use super::lesson::Lesson;
use crate::cli::commands::demo::runner::{Expectation, Runner};
use crate::cli::failure::Failure;

pub(super) const MIDDLEWARE: Lesson = Lesson {
    title: "Middleware: tokens, and a program that decides",
    introduction: "Before a socket enters a namespace, the server can check it and refuse it. In Socket.IO that is \
           middleware: io.use.",
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
    steps: check_tokens_and_program,
    summary: "A token in the CONNECT packet's auth object decides who may enter and with which rights, and a refused socket gets a \
           CONNECT_ERROR packet, 44. For /door the hub asked a shell script, with a line of JSON for the question and one for the \
           answer.",
};

fn check_tokens_and_program(runner: &mut Runner, lesson: &Lesson) -> Result<(), Failure> {
    check_tokens(runner, lesson)?;
    check_program(runner, lesson)
}

fn check_tokens(runner: &mut Runner, lesson: &Lesson) -> Result<(), Failure> {
    runner.print_file(lesson.files, "hub.toml");
    runner.run_and_check(
        &["pub", "/board", "may I?", "--trace"],
        &Expectation {
            frames: &[
                "→ 40/board,{\"roomcat\":1}",
                "← 44/board,{…\"message\":\"this hub wants a token\"}",
            ],
            error: Some("roomcat: …refused…"),
            status: 4,
            ..Expectation::default()
        },
    )?;
    runner.run_and_check(
        &["pub", "/board", "may I?", "--token-file", "slate"],
        &Expectation {
            error: Some(
                "roomcat: the hub refused: this token does not let its holder publish here…",
            ),
            status: 4,
            ..Expectation::default()
        },
    )?;
    let mut bob = runner.start_process(
        "bob",
        &["sub", "/board", "--token-file", "slate", "--trace"],
    )?;
    bob.expect_frame("← 42/board,[\"caught-up\",…]")?;
    let words = [
        "pub",
        "/board",
        "page 12, please",
        "--token-file",
        "chalk",
        "--trace",
    ];
    runner.run_and_check(
        &words,
        &Expectation {
            frames: &[
                "→ 40/board,{…\"token\":\"chal…\"…}",
                "← 43/board,1[{…\"ok\":true,…}]",
            ],
            ..Expectation::default()
        },
    )?;
    bob.expect_line("page 12, please")
}

fn check_program(runner: &mut Runner, lesson: &Lesson) -> Result<(), Failure> {
    runner.print_file(lesson.files, "door.sh");
    runner.run_and_check(
        &["emit", "hello", "--namespace", "/door", "--trace"],
        &Expectation {
            frames: &["→ 40/door,", "← 44/door,{…\"message\":\"say who you are\"}"],
            error: Some("roomcat: …say who you are…"),
            status: 4,
            ..Expectation::default()
        },
    )?;
    runner.run_and_check(
        &[
            "emit",
            "hello",
            "--namespace",
            "/door",
            "--as",
            "alice",
            "--trace",
        ],
        &Expectation {
            frames: &["→ 40/door,{\"as\":\"alice\"}", "← 40/door,{\"sid\":\"…\"}"],
            ..Expectation::default()
        },
    )
}

pub(super) const ACKS: Lesson = Lesson {
    title: "Acknowledgements",
    introduction: "An event can ask for an answer. Socket.IO calls the answer an acknowledgement. pub exits with 0 only after the \
           hub has acknowledged its message.",
    files: &[(
        "hub.toml",
        "[namespaces.\"/\".on.save]\nack = [\"saved\"]\n",
    )],
    steps: acks,
    summary: "An event with a number before its JSON asks for an acknowledgement, and the ACK packet, 43, has the same number. The \
           acknowledgement for pub is a receipt, sent once the message is on disk: it counts the sockets that got the message and the \
           members for whom it waits.",
};

fn acks(runner: &mut Runner, lesson: &Lesson) -> Result<(), Failure> {
    runner.print_file(lesson.files, "hub.toml");
    runner.run_and_check(
        &["emit", "--ack", "save", "notes.txt", "--trace"],
        &Expectation {
            stdout: &["[\"saved\"]"],
            frames: &["→ 420[\"save\",\"notes.txt\"]", "← 430[\"saved\"]"],
            ..Expectation::default()
        },
    )?;
    runner.run_and_check(
        &[
            "pub",
            "lobby",
            "--require",
            "1",
            "is anyone there?",
            "--trace",
        ],
        &Expectation {
            frames: &[
                "→ 451-1[\"batch\",{\"rooms\":[\"lobby\"],…",
                "← 431[{\"count\":1,\"delivered\":0,…\"ok\":true,\"queued\":0}]",
            ],
            error: Some("roomcat: --require 1: a message reached 0 listeners"),
            status: 6,
            ..Expectation::default()
        },
    )?;
    let mut alice = runner.start_process("alice", &["sub", "lobby"])?;
    runner.wait_for_sockets("/", "lobby", 1)?;
    runner.run_and_check(
        &["pub", "lobby", "--require", "1", "and now?", "--trace"],
        &Expectation {
            frames: &["← 431[{\"count\":1,\"delivered\":1,…\"ok\":true,\"queued\":0}]"],
            ..Expectation::default()
        },
    )?;
    alice.expect_line("and now?")
}
