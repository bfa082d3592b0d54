//! What waits for whom: the offline queue, alone and shared.

use super::lesson::Lesson;
use crate::cli::commands::demo::runner::{Held, Stage};
use crate::cli::failure::Failure;

pub(super) const OFFLINE: Lesson = Lesson {
    title: "The offline queue",
    about: "A name that joined a room misses nothing of it: what is said while it is away waits in the hub's database.",
    files: &[],
    play: offline,
    seen: "Two lines waited for laptop while it was away, came in one batch when it asked, and the ack that it sent once they \
           were written moved its place in the log. So nothing came a second time, and had it been cut off before that ack, \
           they would still be there.",
};

fn offline(stage: &mut Stage, _: &Lesson) -> Result<(), Failure> {
    stage.hold(
        &["join", "ci", "--as", "laptop", "--trace"],
        &Held {
            frames: &["→ 421[\"join\",[\"ci\"]]"],
            ..Held::default()
        },
    )?;
    stage.hold(
        &["pub", "ci", "--trace"],
        &Held {
            stdin: &["build 17", "build 18"],
            frames: &["← 431[{…\"delivered\":0,…\"queued\":1}]"],
            ..Held::default()
        },
    )?;
    stage.hold(
        &["rooms", "ci"],
        &Held {
            stdout: &[
                "ROOM  SOCKETS  MEMBERS  PENDING  MESSAGES  LAST",
                "ci          0        1        2         2  …",
                "",
                "MEMBER  PENDING  HERE",
                "laptop        2  no",
            ],
            ..Held::default()
        },
    )?;
    stage.hold(
        &["sub", "ci", "--as", "laptop", "--drain", "--trace"],
        &Held {
            stdout: &["build 17", "build 18"],
            frames: &[
                "← 431[{…\"pending\":2,…}]",
                "← 451-[\"batch\",{…\"count\":2,…",
                "← <\"build 17␊build 18␊\">",
                "→ 42…[\"ack\",{\"seq\":\"…\"}]",
            ],
            ..Held::default()
        },
    )?;
    stage.hold(
        &["sub", "ci", "--as", "laptop", "--drain", "--trace"],
        &Held {
            frames: &["← 431[{…\"pending\":0,…}]", "← 42[\"caught-up\",…]"],
            ..Held::default()
        },
    )
}

pub(super) const SHARED: Lesson = Lesson {
    title: "Shared queues",
    about: "Several workers of one name split what waits for it: each message goes to one of them, and none is lost when one goes.",
    files: &[],
    play: shared,
    seen: "Each worker confirmed its own job with an ack, and the place of crew in the log moved once both were done. What a \
           worker had not confirmed when it stopped would have gone to the other, and so did everything that came after it was \
           gone.",
};

fn shared(stage: &mut Stage, _: &Lesson) -> Result<(), Failure> {
    let share = ["sub", "jobs", "--as", "crew", "--share", "--trace"];
    let mut ann = stage.listen("ann", &[&share[..], &["-n", "1"]].concat())?;
    ann.sees("→ 421[\"sub\",{…\"share\":true,…}]")?;
    ann.sees("← 42[\"caught-up\",…]")?;
    let mut ben = stage.listen("ben", &[&share[..], &["-n", "2"]].concat())?;
    ben.sees("← 42[\"caught-up\",…]")?;
    stage.run(&["pub", "jobs", "develop the film"])?;
    stage.run(&["pub", "jobs", "print the pictures"])?;
    ann.hears("develop the film")?;
    ann.sees("→ 42…[\"ack\",{\"seq\":\"1\"}]")?;
    ann.ends()?;
    ben.hears("print the pictures")?;
    ben.sees("→ 42[\"ack\",{\"seq\":\"2\"}]")?;
    stage.run(&["pub", "jobs", "hang them up"])?;
    ben.hears("hang them up")?;
    ben.sees("→ 42…[\"ack\",{\"seq\":\"3\"}]")?;
    ben.ends()?;
    stage.hold(
        &["queue", "crew"],
        &Held {
            stdout: &[
                "NAME  ROOM  PENDING  OLDEST  BYTES  LEASED",
                "crew  jobs        0       -      0       -",
            ],
            ..Held::default()
        },
    )
}
