//! A results folder is written whole or not at all.
//!
//! Everything goes to a new folder beside the target; only when all of it is there do two renames
//! put it in place. A full disk, an error or an interrupt before that leaves the old folder as it
//! was. Files in the old folder that this program did not write are moved into the new one.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::error::{Error, Result};
use super::manifest::{self, Manifest};

/// Whether this folder holds results of this program.
pub fn is_results_folder(folder: &Path) -> bool {
    folder.join(manifest::FILE).is_file()
}

/// Writes a file of a results folder.
pub fn write(folder: &Path, name: &str, content: &[u8]) -> Result<()> {
    write_with(&folder.join(name), |out| out.write_all(content))
}

/// Writes a file by a function; an error to flush its last bytes is an error too.
pub fn write_with(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let attempt = || {
        let mut out = BufWriter::new(fs::File::create(path)?);
        fill(&mut out)?;
        out.flush()
    };
    attempt().map_err(Error::file("write", path))
}

/// Puts what `fill` writes in the place of `target`.
pub fn replace(target: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    check(target)?;
    // Through a link, so that the folder is replaced and not the link.
    let target = &fs::canonicalize(target).unwrap_or_else(|_| target.to_path_buf());
    let parent = parent_of(target);
    fs::create_dir_all(parent).map_err(Error::file("make", parent))?;
    let fresh = Scratch::new(target)?;
    fill(&fresh.path)?;
    put_in_place(fresh, target)
}

/// Refuses a target that this program may not replace. Worth asking before a long run.
pub fn check(target: &Path) -> Result<()> {
    let Ok(kind) = fs::metadata(target) else { return Ok(()) };
    let empty = || fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
    if kind.is_dir() && (is_results_folder(target) || empty()) {
        Ok(())
    } else {
        Err(Error::Foreign(target.to_path_buf()))
    }
}

fn parent_of(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn put_in_place(fresh: Scratch, target: &Path) -> Result<()> {
    if !target.exists() {
        return fresh.keep_as(target);
    }
    let own = own_files(target);
    let old = Scratch::new(target)?.leave();
    fs::remove_dir(&old).map_err(Error::file("remove", &old))?;
    fs::rename(target, &old).map_err(Error::file("rename", target))?;
    if let Err(error) = fresh.keep_as(target) {
        // The old results go back to where they were.
        fs::rename(&old, target).map_err(Error::file("rename", old))?;
        return Err(error);
    }
    remove_old(&old, target, &own).map_err(Error::file("remove", &old))
}

/// The names that the results in this folder consist of.
fn own_files(target: &Path) -> Vec<String> {
    let mut own = Manifest::read(target).map(|manifest| manifest.files).unwrap_or_default();
    own.push(manifest::FILE.to_string());
    own
}

/// Removes old results; what does not belong to them moves into the new folder.
fn remove_old(old: &Path, target: &Path, own: &[String]) -> io::Result<()> {
    for entry in fs::read_dir(old)? {
        let entry = entry?;
        let is_own = entry.file_name().to_str().is_some_and(|name| own.iter().any(|one| one == name));
        let kept = target.join(entry.file_name());
        if !is_own && !kept.exists() {
            fs::rename(entry.path(), kept)?;
        } else if entry.file_type()?.is_dir() {
            continue; // Never ours: the folder stays, and so does what is in it.
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_dir(old)
}

/// A new folder beside the target that goes away unless it is kept.
struct Scratch {
    path: PathBuf,
    kept: bool,
}

impl Scratch {
    fn new(target: &Path) -> Result<Scratch> {
        let name = target.file_name().map_or_else(|| "results".into(), |name| name.to_string_lossy());
        for number in 0..1000 {
            let path = parent_of(target).join(format!(".{name}.{}-{number}", std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Scratch { path, kept: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::file("make", path)(error)),
            }
        }
        Err(Error::file("make", target)(io::ErrorKind::AlreadyExists.into()))
    }

    fn keep_as(mut self, target: &Path) -> Result<()> {
        fs::rename(&self.path, target).map_err(Error::file("rename", target))?;
        self.kept = true;
        Ok(())
    }

    fn leave(mut self) -> PathBuf {
        self.kept = true;
        self.path.clone()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing more can be done here; the folder has a name that tells what it is.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
