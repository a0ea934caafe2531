//! Which files a show used, as they were.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest, Sha256};

/// Bytes that are read at once.
const PIECE: usize = 1 << 20;

/// Length and SHA-256 of a regular file; `None` where it cannot be read or `stop` turns true.
pub(super) fn digest(path: &Path, stop: &AtomicBool) -> Option<(u64, String)> {
    if !path.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return None;
    }
    let mut file = File::open(path).ok()?;
    let (mut hash, mut piece, mut num_bytes) = (Sha256::new(), vec![0; PIECE], 0);
    loop {
        let num = file.read(&mut piece).ok().filter(|_| !stop.load(Ordering::Relaxed))?;
        if num == 0 {
            break;
        }
        hash.update(&piece[..num]);
        num_bytes += num as u64;
    }
    Some((num_bytes, hash.finalize().iter().map(|b| format!("{b:02x}")).collect()))
}
