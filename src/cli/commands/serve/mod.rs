//! `roomcat serve`: from its flags to a running hub, with its log on stderr.

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

use self::plan::HubPlan;
use crate::cli::args::serve::ServeArgs;
use crate::cli::failure::Failure;
use crate::cli::io::stdout;
use crate::cli::screen::term;
use crate::cli::settings::hub_file::HubFile;
use crate::cli::settings::hub_file::summary::summary;
use crate::cli::settings::{self, Global};
use crate::server::{HubServer, ServerError};

/// Serves until SIGINT, SIGTERM or a failure of the disk.
pub async fn run(args: &ServeArgs, global: &Global) -> Result<(), Failure> {
    let config = args
        .config
        .clone()
        .or_else(settings::hub_file_from_environment);
    let file = match &config {
        Some(path) => HubFile::read(path)?,
        None if args.check_config => {
            return Err(Failure::Usage(
                "--check-config needs a file: name it with --config FILE".to_owned(),
            ));
        }
        None => HubFile::default(),
    };
    let plan = HubPlan::new(args, global, file)?;
    if let (true, Some(path)) = (args.check_config, &config) {
        let summary = summary(&plan.settings.namespaces);
        let fine = format!("{} is fine: {summary}", path.display());
        return stdout::print(&format!("{}\n", term::visible(&fine))).map_err(Failure::Output);
    }
    log_to_stderr(global);
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

/// Ready on SIGINT or SIGTERM. SIGXFSZ is caught and ignored: a write past a file-size limit (`ulimit -f`) must be an error
/// that reaches the publisher, not the end of the process.
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

fn log_to_stderr(global: &Global) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => Level::ERROR,
        (false, true) => Level::DEBUG,
        (false, false) => Level::INFO,
    };
    // An error would mean that it is set already; it is set here only, and once.
    let _ = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .event_format(PlainFormat)
        .try_init();
}

/// One line for each event, without time or target: `a user connected / alice (sid)`.
struct PlainFormat;

impl<S, N> FormatEvent<S, N> for PlainFormat
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
        // Names and reasons come from peers, so control characters are masked.
        let line = format!("{label}{}", term::visible(&text));
        match (*event.metadata().level(), term::stderr_colour()) {
            (Level::ERROR, true) => writeln!(writer, "{}", line.red()),
            (Level::WARN, true) => writeln!(writer, "{}", line.yellow()),
            (Level::DEBUG | Level::TRACE, true) => writeln!(writer, "{}", line.dimmed()),
            _ => writeln!(writer, "{line}"),
        }
    }
}
