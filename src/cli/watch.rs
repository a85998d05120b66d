//! Doing something again whenever files change, until standard input is closed.
//!
//! Invariant: a change while the work is done is seen afterwards.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs `work` now, and again after each change of a file below these paths; the answer of the last time.
pub fn watch<T>(paths: &[PathBuf], mut work: impl FnMut() -> T) -> T {
    let closed = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&closed);
    std::thread::spawn(move || {
        let mut bytes = [0; 256];
        // What is typed means nothing; the end of it does.
        while matches!(io::stdin().read(&mut bytes), Ok(n) if n > 0) {}
        seen.store(true, Ordering::Relaxed);
    });
    loop {
        let before = times(paths);
        let answer = work();
        while times(paths) == before {
            if closed.load(Ordering::Relaxed) {
                return answer;
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// When each rule file, snapshot and folder was changed last.
fn times(paths: &[PathBuf]) -> Vec<(PathBuf, Option<SystemTime>)> {
    let mut found = Vec::new();
    paths.iter().for_each(|path| collect(path, &mut found));
    found.sort();
    found
}

fn collect(path: &Path, found: &mut Vec<(PathBuf, Option<SystemTime>)>) {
    let metadata = std::fs::metadata(path);
    let changed = metadata.as_ref().ok().and_then(|m| m.modified().ok());
    if !metadata.is_ok_and(|m| m.is_dir()) {
        found.push((path.to_path_buf(), changed));
        return;
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    for entry in entries {
        let path = entry.path();
        let is_rule = path.extension().is_some_and(|e| e == "fold");
        if path.is_dir() || is_rule {
            collect(&path, found);
        }
    }
}
