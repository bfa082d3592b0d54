//! `queue purge`: deletes what waits for a member, after a confirmation.

use std::io::{self, BufRead, IsTerminal, Write};
use std::thread;

use tokio::sync::oneshot;

use super::refusal::name_member;
use crate::address::{ClientName, RoomName};
use crate::cli::args::queue::PurgeArgs;
use crate::cli::commands::listing::room_address;
use crate::cli::failure::Failure;
use crate::cli::io::stdout;
use crate::cli::remote::ask::ask;
use crate::cli::remote::interrupts::Interrupts;
use crate::cli::remote::target::resolve_target;
use crate::cli::screen::quantity::quantity;
use crate::cli::screen::term;
use crate::cli::settings::Global;
use crate::client::Target;
use crate::client::verbs::purge::PurgeRequest;
use crate::client::verbs::queue::QueueRequest;

pub async fn run(args: &PurgeArgs, global: &Global) -> Result<(), Failure> {
    let (target, rooms) = resolve_target(global, &args.remote, &args.room)?;
    let (name, room) = (&args.name, rooms.first());
    if !args.yes && !is_confirmed(&target, name, room).await? {
        term::note("nothing was purged");
        return Ok(());
    }
    let response = ask(&target, &PurgeRequest { name, room })
        .await
        .map_err(|failure| name_member(failure, name, &target.namespace, room))?;
    let text = format!("purged messages: {}\n", response.messages);
    stdout::print(&text).map_err(Failure::Output)
}

/// Asks at the terminal.
async fn is_confirmed(
    target: &Target,
    name: &ClientName,
    room: Option<&RoomName>,
) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Failure::Usage(
            "purge needs a terminal to ask for confirmation; --yes purges without asking"
                .to_owned(),
        ));
    }
    let queues = ask(target, &QueueRequest { name: Some(name) })
        .await?
        .queues;
    let purged = queues
        .iter()
        .filter(|queue| room.is_none_or(|room| *room == queue.room));
    let (count, pending) = purged.fold((0, 0_u64), |(count, pending), queue| {
        (count + 1, pending.saturating_add(queue.pending))
    });
    let place = room.map_or_else(
        || quantity(count, "room"),
        |room| room_address(&target.namespace, room),
    );
    let mut interrupts = Interrupts::listen(None)?;
    prompt(&format!(
        "Purge {} waiting for {} in {}? [y/N] ",
        quantity(pending, "message"),
        term::visible(name.as_str()),
        term::visible(&place)
    ))?;
    let answer = match interrupts.run(read_answer()).await {
        Err(failure @ Failure::Signal(_)) => {
            prompt("\n")?;
            return Err(failure);
        }
        answer => answer?,
    };
    let answer = answer.trim();
    Ok(["y", "yes"]
        .iter()
        .any(|yes| answer.eq_ignore_ascii_case(yes)))
}

fn prompt(text: &str) -> Result<(), Failure> {
    let mut stderr = io::stderr().lock();
    let written = write!(stderr, "{text}").and_then(|()| stderr.flush());
    written.map_err(Failure::Output)
}

/// Reads a line of stdin. Nothing can cancel a read from a terminal, so it happens on a thread that may be left behind.
async fn read_answer() -> Result<String, Failure> {
    let failed = |error: io::Error| Failure::other(format!("cannot read the answer: {error}"));
    let (sender, receiver) = oneshot::channel();
    let read = move || {
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer);
        // After an interrupt nobody receives it.
        let _ = sender.send(read.map(|_| answer));
    };
    let thread = thread::Builder::new().name("question".to_owned());
    thread.spawn(read).map_err(failed)?;
    let answer = receiver.await.expect("the thread sends what it read");
    answer.map_err(failed)
}
