//! The paths that the hub serves.
//!
//! | path | what is there |
//! |---|---|
//! | `/socket.io/` | Socket.IO over Engine.IO |
//! | the path of `--echo` | Engine.IO that sends every message back |
//! | any other | a file of the static folder, if there is one at that path |
//! | `/socket.io/socket.io.js`, `/socket.io/socket.io.esm.js` | the browser client, if the folder has none |
//! | `/` | the class page, if there is no static folder |

use super::site::built_in::BuiltIn;
use crate::session::engine::params::EngineMode;

const SOCKET_IO: &str = "/socket.io";

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route<'a> {
    Engine(EngineMode),
    Site {
        /// The path below the prefix.
        path: &'a str,
        /// What is shown if the static folder has nothing at `path`.
        built_in: Option<BuiltIn>,
    },
}

#[derive(Debug)]
pub struct Routes {
    /// Every path begins with it. Empty, or `/` and a name.
    prefix: String,
    engine: Vec<(String, EngineMode)>,
}

impl Routes {
    /// `echo` is the path of plain Engine.IO, if it is served.
    pub fn new(prefix: &str, echo: Option<&str>) -> Self {
        let trim = |path: &str| path.trim_end_matches('/').to_owned();
        let mut engine = vec![(SOCKET_IO.to_owned(), EngineMode::SocketIo)];
        engine.extend(echo.map(|path| (trim(path), EngineMode::Echo)));
        Self {
            prefix: trim(prefix),
            engine,
        }
    }

    /// `None` if the path is not below the prefix. A slash at the end of an Engine.IO path makes no difference.
    pub fn find<'a>(&self, path: &'a str) -> Option<Route<'a>> {
        let path = path.strip_prefix(&*self.prefix)?;
        let trimmed = path.trim_end_matches('/');
        let engine = self.engine.iter().find(|(known, _)| known == trimmed);
        Some(match engine {
            Some((_, mode)) => Route::Engine(*mode),
            None => Route::Site {
                path,
                built_in: BuiltIn::at(path),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_one_place() {
        let routes = Routes::new("", Some("/engine.io/"));
        for path in ["/socket.io", "/socket.io/"] {
            assert_eq!(routes.find(path), Some(Route::Engine(EngineMode::SocketIo)));
        }
        for path in ["/engine.io", "/engine.io/"] {
            assert_eq!(routes.find(path), Some(Route::Engine(EngineMode::Echo)));
        }
        for (path, built_in) in [
            ("/", Some(BuiltIn::ClassPage)),
            ("/socket.io/socket.io.js", Some(BuiltIn::Script)),
            ("/socket.io/other.js", None),
            ("/engine.io/x", None),
        ] {
            assert_eq!(routes.find(path), Some(Route::Site { path, built_in }));
        }
    }

    #[test]
    fn a_prefix_stands_before_every_path() {
        let routes = Routes::new("/chat/", None);
        let socket_io = routes.find("/chat/socket.io/");
        assert_eq!(socket_io, Some(Route::Engine(EngineMode::SocketIo)));
        let class_page = Route::Site {
            path: "/",
            built_in: Some(BuiltIn::ClassPage),
        };
        assert_eq!(routes.find("/chat/"), Some(class_page));
        assert_eq!(routes.find("/socket.io/"), None);
    }
}
