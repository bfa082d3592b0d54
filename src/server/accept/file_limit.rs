//! How many files the system lets the hub have open, and so how many connections it takes: it must not find out in the
//! middle of a commit.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::limits;

/// Raises the limit as far as the system lets it be raised, and says how many connections fit below it.
pub fn connections() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(_) => limit.current,
    };
    let connections = fitting(files);
    if connections < limits::CONNECTIONS {
        tracing::debug!(
            "the system's limit on open files (ulimit -Hn) leaves room for {connections} connections"
        );
    }
    connections
}

/// None is no limit.
fn fitting(files: Option<u64>) -> usize {
    let files = files.and_then(|files| usize::try_from(files).ok());
    let fitting = files.map_or(limits::CONNECTIONS, |files| {
        files.saturating_sub(limits::RESERVED_FILES)
    });
    fitting.clamp(1, limits::CONNECTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_connections_as_files_are_left() {
        assert_eq!(fitting(None), limits::CONNECTIONS);
        assert_eq!(fitting(Some(u64::MAX)), limits::CONNECTIONS);
        assert_eq!(fitting(Some(1024)), 1024 - limits::RESERVED_FILES);
        assert_eq!(fitting(Some(0)), 1);
    }
}
