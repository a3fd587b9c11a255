//! Archived epochs: files that hold a sealed epoch whole, and can make its stream again.
//!
//! An epoch is one file of compressed, checksummed blocks and one manifest. The manifest is written last, after the file
//! was read back and compared: an archive without one does not count.

mod copy;
mod folder;
mod format;
mod manifest;
mod reader;

#[cfg(test)]
mod tests;

pub use copy::{archive, delete, restore};
pub(crate) use copy::{build, keep_draft, read_broker, write_draft};
pub use folder::FolderArchives;
pub(crate) use format::{Contents, hexadecimal};
pub use manifest::Manifest;
