//! `queue purge`: gives up what waits for a member, once somebody said yes.

use std::io::{self, BufRead, IsTerminal, Write};
use std::thread;

use tokio::select;
use tokio::sync::oneshot;

use super::answer::about;
use crate::address::{ClientName, RoomName};
use crate::cli::args::queue::PurgeArgs;
use crate::cli::failure::Failure;
use crate::cli::io::stdout;
use crate::cli::remote::ask::ask;
use crate::cli::remote::target::target;
use crate::cli::screen::term;
use crate::cli::settings::Global;
use crate::client::Target;
use crate::client::verbs::purge::{PurgeRequest, PurgeResponse};
use crate::client::verbs::queue::QueueRequest;

pub async fn run(args: &PurgeArgs, global: &Global) -> Result<(), Failure> {
    let (target, rooms) = target(global, &args.remote, &args.room)?;
    let room = rooms.first();
    if !args.yes && !confirmed(&target, &args.name, room).await? {
        term::note("nothing was purged");
        return Ok(());
    }
    let name = &args.name;
    let PurgeResponse { messages } = ask(&target, &PurgeRequest { name, room })
        .await
        .map_err(|failure| about(failure, name, &target.namespace, room))?;
    let text = format!("purged messages: {messages}\n");
    stdout::print(&text).map_err(Failure::Output)
}

/// Whether somebody at the terminal says yes.
async fn confirmed(
    target: &Target,
    name: &ClientName,
    room: Option<&RoomName>,
) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Failure::Usage(
            "purge asks before it gives anything up, and nobody is there to answer: say --yes"
                .to_owned(),
        ));
    }
    let queues = ask(target, &QueueRequest { name: Some(name) }).await?;
    let mine = queues
        .queues
        .iter()
        .filter(|queue| room.is_none_or(|room| *room == queue.room));
    let (count, pending) = mine.fold((0, 0_u64), |(count, pending), queue| {
        (count + 1, pending.saturating_add(queue.pending))
    });
    let shown = term::visible(name.as_str());
    let rooms = match room {
        Some(room) => format!("in {}", term::visible(room.as_str())),
        None => format!("in {count} room(s)"),
    };
    let mut signals = crate::cli::runtime::listen()?;
    say(&format!(
        "give up {pending} messages that wait for {shown} {rooms}? [y/N] "
    ))?;
    let answer = select! {
        answer = typed() => answer?,
        signal = signals.next() => {
            say("\n")?;
            return Err(Failure::Signal(signal));
        }
    };
    Ok(matches!(
        answer.trim().to_ascii_lowercase().as_str(),
        "y" | "yes"
    ))
}

fn say(text: &str) -> Result<(), Failure> {
    let mut stderr = io::stderr().lock();
    let said = write!(stderr, "{text}").and_then(|()| stderr.flush());
    said.map_err(Failure::Output)
}

/// A line of stdin. A read at a terminal goes on behind a signal, so a thread does it that nobody waits for.
async fn typed() -> Result<String, Failure> {
    let failed = |error: io::Error| Failure::other(format!("cannot read the answer: {error}"));
    let (tell, told) = oneshot::channel();
    let reading = move || {
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer);
        // Who was interrupted does not hear it.
        let _ = tell.send(read.map(|_| answer));
    };
    let thread = thread::Builder::new().name("question".to_owned());
    thread.spawn(reading).map_err(failed)?;
    let read = told.await.expect("the thread tells what it read");
    read.map_err(failed)
}
