//! The pages and scripts that are part of the hub.

/// Each has a path. A file of the static folder at the same path takes precedence, such as the official client's
/// bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuiltIn {
    /// The browser client as a script.
    Script,
    /// The browser client as a module.
    Module,
    ClassPage,
}

impl BuiltIn {
    pub fn at(path: &str) -> Option<Self> {
        match path {
            "/socket.io/socket.io.js" => Some(Self::Script),
            "/socket.io/socket.io.esm.js" => Some(Self::Module),
            "/" => Some(Self::ClassPage),
            _ => None,
        }
    }

    pub fn source(self) -> &'static str {
        match self {
            Self::Script => SCRIPT,
            Self::Module => MODULE,
            Self::ClassPage => CLASS_PAGE,
        }
    }
}

const SCRIPT: &str = include_str!("socket.io.js");
/// The script sets globals; the module exports them too.
const MODULE: &str = concat!(
    include_str!("socket.io.js"),
    "\nconst { io, Manager, Socket } = globalThis.io;\n",
    "export { io, io as connect, io as default, Manager, Socket };\n"
);
const CLASS_PAGE: &str = include_str!("class.html");
