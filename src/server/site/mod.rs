//! The pages that the hub serves to browsers: the files of a static folder, a Socket.IO client, and the class page.

pub mod built_in;
pub mod content_type;
pub mod pages;
pub mod site_path;
pub mod static_folder;
