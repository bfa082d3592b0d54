//! The content type of a file, by its extension.
//!
//! Our own table and not `mime_guess`, which calls .mjs application/javascript without a charset, .map text/plain and .ts
//! a video, and does not know .cjs.

use std::path::Path;

pub const HTML: &str = "text/html; charset=utf-8";
pub const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// An unknown extension is plain bytes: a browser offers to save the file.
pub fn of(path: &Path) -> &'static str {
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default()
        .to_ascii_lowercase();
    CONTENT_TYPES
        .iter()
        .find(|(extensions, _)| extensions.split(' ').any(|known| known == extension))
        .map_or("application/octet-stream", |(_, content_type)| content_type)
}

/// Extensions and the content type of each.
const CONTENT_TYPES: &[(&str, &str)] = &[
    ("html htm", HTML),
    ("js mjs cjs", JAVASCRIPT),
    ("css", "text/css; charset=utf-8"),
    ("json map", "application/json"),
    ("webmanifest", "application/manifest+json"),
    ("txt text log", "text/plain; charset=utf-8"),
    ("md", "text/markdown; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("xml", "text/xml; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("jpg jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("avif", "image/avif"),
    ("ico", "image/x-icon"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("ttf", "font/ttf"),
    ("otf", "font/otf"),
    ("wasm", "application/wasm"),
    ("pdf", "application/pdf"),
    ("mp3", "audio/mpeg"),
    ("wav", "audio/wav"),
    ("ogg oga", "audio/ogg"),
    ("mp4 m4v", "video/mp4"),
    ("webm", "video/webm"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_decides() {
        for (name, content_type) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a/b/APP.JS", "text/javascript; charset=utf-8"),
            ("socket.io.min.js", "text/javascript; charset=utf-8"),
            ("x.min.js.map", "application/json"),
            ("photo.JPEG", "image/jpeg"),
            ("README", "application/octet-stream"),
            ("odd.", "application/octet-stream"),
            ("x.html zip", "application/octet-stream"),
        ] {
            assert_eq!(of(Path::new(name)), content_type, "{name}");
        }
    }
}
