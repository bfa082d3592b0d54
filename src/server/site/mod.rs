//! What the hub shows to browsers beside Socket.IO.

pub mod content_type;
pub mod pages;
pub mod site_path;
pub mod static_folder;
