//! The system's limit on open files, and the number of connections that fit below it. A hub that ran out of file
//! descriptors could fail in the middle of a commit.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::limits;

/// Raises the limit as far as the system allows and returns the number of connections that fit below it.
pub fn max_connections() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(_) => limit.current,
    };
    let connections = connections_below(files);
    if connections < limits::CONNECTIONS {
        tracing::debug!(
            "the system's limit on open files (ulimit -Hn) leaves room for {connections} connections"
        );
    }
    connections
}

/// `None`: the system sets no limit.
fn connections_below(files: Option<u64>) -> usize {
    let files = files.and_then(|files| usize::try_from(files).ok());
    let connections = files.map_or(limits::CONNECTIONS, |files| {
        files.saturating_sub(limits::RESERVED_FILES)
    });
    connections.clamp(1, limits::CONNECTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_the_hubs_own_files() {
        assert_eq!(connections_below(None), limits::CONNECTIONS);
        assert_eq!(connections_below(Some(u64::MAX)), limits::CONNECTIONS);
        assert_eq!(connections_below(Some(1024)), 1024 - limits::RESERVED_FILES);
        assert_eq!(connections_below(Some(0)), 1);
    }
}
