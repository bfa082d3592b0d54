//! Lessons on waiting messages: the offline queue and shared queues.

use super::lesson::Lesson;
use crate::cli::commands::demo::runner::{Expectation, Runner};
use crate::cli::failure::Failure;

pub(super) const OFFLINE: Lesson = Lesson {
    title: "The offline queue",
    introduction: "A name that has joined a room misses nothing there. Messages that are sent while it is away wait in \
           its pending queue, in the hub's database.",
    files: &[],
    steps: offline,
    summary: "The two lines came in one batch, and the ack that laptop sent after writing them moved its cursor in the log. So the \
           second sub got nothing, and without that ack both lines would still be waiting.",
};

fn offline(runner: &mut Runner, _: &Lesson) -> Result<(), Failure> {
    runner.run_and_check(
        &["join", "ci", "--as", "laptop", "--trace"],
        &Expectation {
            frames: &["→ 421[\"join\",[\"ci\"]]"],
            ..Expectation::default()
        },
    )?;
    runner.run_and_check(
        &["pub", "ci", "--trace"],
        &Expectation {
            stdin: &["build 17", "build 18"],
            frames: &["← 431[{…\"delivered\":0,…\"queued\":1}]"],
            ..Expectation::default()
        },
    )?;
    runner.run_and_check(
        &["rooms", "ci"],
        &Expectation {
            stdout: &[
                "ROOM  SOCKETS  MEMBERS  PENDING  MESSAGES  LAST",
                "ci          0        1        2         2  …",
                "",
                "MEMBER  PENDING  HERE",
                "laptop        2  no",
            ],
            ..Expectation::default()
        },
    )?;
    runner.run_and_check(
        &["sub", "ci", "--as", "laptop", "--drain", "--trace"],
        &Expectation {
            stdout: &["build 17", "build 18"],
            frames: &[
                "← 431[{…\"pending\":2,…}]",
                "← 451-[\"batch\",{…\"count\":2,…",
                "← <\"build 17␊build 18␊\">",
                "→ 42…[\"ack\",{\"seq\":\"…\"}]",
            ],
            ..Expectation::default()
        },
    )?;
    runner.run_and_check(
        &["sub", "ci", "--as", "laptop", "--drain", "--trace"],
        &Expectation {
            frames: &["← 431[{…\"pending\":0,…}]", "← 42[\"caught-up\",…]"],
            ..Expectation::default()
        },
    )
}

pub(super) const SHARED: Lesson = Lesson {
    title: "Shared queues",
    introduction: "Several workers can share one name. Each message that waits for the name goes to one of them, and none is \
           lost when a worker stops.",
    files: &[],
    steps: shared,
    summary: "Each worker acked its own job, and the cursor of crew moved once both jobs were acked. A job that is not acked when its \
           worker stops goes to another worker, and the job sent after ann had stopped went to ben.",
};

fn shared(runner: &mut Runner, _: &Lesson) -> Result<(), Failure> {
    let share = ["sub", "jobs", "--as", "crew", "--share", "--trace"];
    let mut ann = runner.start_process("ann", &[&share[..], &["-n", "1"]].concat())?;
    ann.expect_frame("→ 421[\"sub\",{…\"share\":true,…}]")?;
    ann.expect_frame("← 42[\"caught-up\",…]")?;
    let mut ben = runner.start_process("ben", &[&share[..], &["-n", "2"]].concat())?;
    ben.expect_frame("← 42[\"caught-up\",…]")?;
    runner.run(&["pub", "jobs", "develop the film"])?;
    runner.run(&["pub", "jobs", "print the pictures"])?;
    ann.expect_line("develop the film")?;
    ann.expect_frame("→ 42…[\"ack\",{\"seq\":\"1\"}]")?;
    ann.expect_exit()?;
    ben.expect_line("print the pictures")?;
    ben.expect_frame("→ 42[\"ack\",{\"seq\":\"2\"}]")?;
    runner.run(&["pub", "jobs", "hang them up"])?;
    ben.expect_line("hang them up")?;
    ben.expect_frame("→ 42…[\"ack\",{\"seq\":\"3\"}]")?;
    ben.expect_exit()?;
    runner.run_and_check(
        &["queue", "crew"],
        &Expectation {
            stdout: &[
                "NAME  ROOM  PENDING  OLDEST  BYTES  LEASED",
                "crew  jobs        0       -      0       -",
            ],
            ..Expectation::default()
        },
    )
}
