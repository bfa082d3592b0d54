//! `roomcat serve`: from its flags to a running hub, and what it says on stderr.

mod plan;

use std::fmt;
use std::io;

use colored::Colorize as _;
use rustix::process::Signal as SignalNumber;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use self::plan::Plan;
use crate::cli::args::serve::ServeArgs;
use crate::cli::failure::Failure;
use crate::cli::io::stdout;
use crate::cli::screen::term;
use crate::cli::settings::hub_file::HubFile;
use crate::cli::settings::hub_file::summary::summary;
use crate::cli::settings::{self, Global};
use crate::server::{HubServer, ServerError};

/// Serves until it is told to stop (SIGINT, SIGTERM) or its disk fails.
pub async fn run(args: &ServeArgs, global: &Global) -> Result<(), Failure> {
    let config = args.config.clone().or_else(settings::hub_file);
    let file = match &config {
        Some(path) => HubFile::read(path)?,
        None if args.check_config => {
            return Err(Failure::Usage(
                "--check-config looks at a file: name it with --config FILE".to_owned(),
            ));
        }
        None => HubFile::default(),
    };
    let plan = Plan::new(args, global, file)?;
    if let (true, Some(path)) = (args.check_config, &config) {
        let declared = summary(&plan.settings.namespaces);
        let fine = format!("{} is fine: {declared}", path.display());
        return stdout::print(&format!("{}\n", term::visible(&fine))).map_err(Failure::Output);
    }
    say_on_stderr(global);
    let stop = stop_signals()
        .map_err(|error| Failure::other(format!("cannot listen for signals: {error}")))?;
    let store = plan.database.open(plan.keep).map_err(ServerError::from)?;
    let server = HubServer::bind(&plan.listen, store, plan.settings, plan.options).await?;
    tracing::info!("keeping messages in {}", plan.database);
    for address in server.addresses() {
        tracing::info!("listening on {address}");
    }
    Ok(server.run(stop).await?)
}

/// Ready when the hub is asked to stop. A write past a file-size limit (`ulimit -f`) must be an error that is answered,
/// not the end of the process: SIGXFSZ is caught and let go.
fn stop_signals() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let caught = signal(SignalKind::from_raw(SignalNumber::XFSZ.as_raw()))?;
    Ok(async move {
        let _caught = caught;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping");
    })
}

fn say_on_stderr(global: &Global) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => Level::ERROR,
        (false, true) => Level::DEBUG,
        (false, false) => Level::INFO,
    };
    // Set once: this is the only place that sets it, and it runs once.
    let _ = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .event_format(Plain)
        .try_init();
}

/// One line an event, as a teacher points at it: `a user connected / alice (sid)`.
struct Plain;

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut text = String::new();
        context.format_fields(Writer::new(&mut text), event)?;
        let label = match *event.metadata().level() {
            Level::ERROR => "roomcat: error: ",
            Level::WARN => "roomcat: warning: ",
            _ => "",
        };
        // Names and reasons come from peers.
        let line = format!("{label}{}", term::visible(&text));
        match (*event.metadata().level(), term::stderr_colour()) {
            (Level::ERROR, true) => writeln!(writer, "{}", line.red()),
            (Level::WARN, true) => writeln!(writer, "{}", line.yellow()),
            (Level::DEBUG | Level::TRACE, true) => writeln!(writer, "{}", line.dimmed()),
            _ => writeln!(writer, "{line}"),
        }
    }
}
