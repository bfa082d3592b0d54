//! Disks that are full or fail, files that are not ours, and hubs that go away: what was acknowledged is there, what was
//! not is never doubled, and whoever is to do something about it is told what.

mod disk;
mod files;
mod keep;
