//! Paths as a patch writes them and as a person types and reads them.

use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::document::Document;

/// `path` as a patch in `folder` names it: relative with forward slashes, or absolute where there
/// is no folder or it lies on another drive.
pub fn as_patch_path(path: &Path, folder: Option<&Path>) -> String {
    let relative = folder.and_then(|folder| relative(path, folder));
    let path = relative.unwrap_or_else(|| path.to_owned());
    let text = path.to_string_lossy().into_owned();
    if cfg!(windows) { text.replace('\\', "/") } else { text }
}

/// The way from `folder` to `path`, both absolute; `None` on another drive.
fn relative(path: &Path, folder: &Path) -> Option<PathBuf> {
    let (path, folder) = (tidy(path), tidy(folder));
    if !path.is_absolute() || !folder.is_absolute() {
        return None;
    }
    let shared = path.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    // The first of them is the drive on Windows, the root elsewhere.
    if shared == 0 {
        return None;
    }
    let up = folder.components().skip(shared).map(|_| Component::ParentDir);
    Some(up.chain(path.components().skip(shared)).collect())
}

/// The path without `.` and `..`, by its text alone.
pub fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if tidy.file_name().is_some() => drop(tidy.pop()),
            Component::ParentDir if tidy.has_root() => {}
            part => tidy.push(part),
        }
    }
    tidy
}

/// The path from the root, wherever the program was started.
pub fn whole(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// What a person typed while looking at `folder`: `~` is home.
pub fn typed(text: &str, folder: &Path) -> PathBuf {
    let rest = text.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
    if let (Some(rest), Some(home)) = (rest, home()) {
        return tidy(&home.join(rest.trim_start_matches('/')));
    }
    tidy(&folder.join(text))
}

/// The person's own folder.
pub fn home() -> Option<PathBuf> {
    directories::UserDirs::new().map(|dirs| dirs.home_dir().to_owned())
}

/// Where what is made of a patch goes: beside its file, or else among the person's videos. A copy of
/// a shipped patch finds its files in a folder that is not the person's.
pub fn made_folder(document: &Document) -> PathBuf {
    if document.path().is_some() {
        return document.base_dir().to_owned();
    }
    let dirs = directories::UserDirs::new();
    let videos = dirs.as_ref().and_then(|dirs| dirs.video_dir()).filter(|folder| folder.is_dir());
    videos.map(Path::to_owned).or_else(home).unwrap_or_else(|| document.base_dir().to_owned())
}

/// A size in bytes as a person reads it: `3.4 MB`.
pub fn size_text(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1e3;
    let mut unit = 0;
    while size >= 999.5 && unit + 1 < UNITS.len() {
        size /= 1e3;
        unit += 1;
    }
    let digits = usize::from(size < 9.95);
    format!("{size:.digits$} {}", UNITS[unit])
}

/// Seconds since 1970.
pub fn secs_since_epoch(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

/// A time as a person reads it: `5 min ago`, `3 days ago`, `12 Mar 2026`. Both in seconds since 1970.
pub fn time_text(secs: u64, now_secs: u64) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let ago = now_secs.saturating_sub(secs);
    let plural = |n: u64| if n == 1 { "" } else { "s" };
    match (ago / 60, ago / 3_600, ago / 86_400) {
        (0, ..) => "just now".into(),
        (mins, 0, _) => format!("{mins} min ago"),
        (_, hours, 0) => format!("{hours} hour{} ago", plural(hours)),
        (_, _, days) if days < 7 => format!("{days} day{} ago", plural(days)),
        _ => {
            let (year, month, day) = date(secs / 86_400);
            format!("{day} {} {year}", MONTHS[month])
        }
    }
}

/// Year, month from 0 and day from 1 in the Gregorian calendar, of a day counted from 1 Jan 1970.
fn date(mut day: u64) -> (u64, usize, u64) {
    let is_leap = |y: u64| y.is_multiple_of(4) && (!y.is_multiple_of(100) || y.is_multiple_of(400));
    let mut year = 1970;
    // 400 years always have the same length: a date far off takes no longer.
    year += day / 146_097 * 400;
    day %= 146_097;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if day < length {
            break;
        }
        day -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 0;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    (year, month, day + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_names_files_from_its_folder() {
        let at = |path: &str, folder: &str| as_patch_path(Path::new(path), Some(Path::new(folder)));
        assert_eq!(at("/a/b/c.wav", "/a/b"), "c.wav");
        assert_eq!(at("/a/b/c.wav", "/a/d/e"), "../../b/c.wav");
        assert_eq!(at("/a/./x/../b.wav", "/a"), "b.wav");
        assert_eq!(at("/b.wav", "/a"), "../b.wav");
        assert_eq!(as_patch_path(Path::new("/a/b.wav"), None), "/a/b.wav");
        // A folder that is not known from the root says nothing about the way.
        assert_eq!(at("/a/b.wav", ""), "/a/b.wav");
        for (path, folder) in [("/a/b/c", "/a"), ("/q/w/e", "/q/r/t/y"), ("/x", "/")] {
            let back = Path::new(folder).join(at(path, folder));
            assert_eq!(tidy(&back), Path::new(path), "{path} from {folder}");
        }
    }

    #[test]
    fn what_is_made_of_a_shipped_patch_goes_to_the_person() {
        let shipped = Path::new("/usr/share/lumawire/patches");
        let (graph, registry) = (lumawire_core::Graph::new(), lumawire_core::Registry::default());
        let copy = Document::untitled(graph, shipped.to_owned(), registry, |_, _, _| {});
        if home().is_some() {
            assert!(!made_folder(&copy).starts_with(shipped));
        }
        let dir = tempfile::tempdir().unwrap();
        let mut saved = copy;
        saved.save(Some(&dir.path().join("a.lumawire"))).unwrap();
        assert_eq!(made_folder(&saved), dir.path());
    }

    #[test]
    fn typed_paths_start_here_or_at_home() {
        let here = Path::new("/a/b");
        assert_eq!(typed("c", here), Path::new("/a/b/c"));
        assert_eq!(typed("../c/./d", here), Path::new("/a/c/d"));
        assert_eq!(typed("/../x", here), Path::new("/x"));
        if let Some(home) = home() {
            assert_eq!(typed("~/x", here), home.join("x"));
        }
        assert_eq!(typed("~x", here), Path::new("/a/b/~x"));
    }

    #[test]
    fn sizes_and_times_are_short() {
        let sizes = [0, 999, 1_000, 9_949, 9_950, 999_499, 999_500, 3_400_000_000];
        let texts = ["0 B", "999 B", "1.0 KB", "9.9 KB", "10 KB", "999 KB", "1.0 MB", "3.4 GB"];
        assert_eq!(sizes.map(size_text), texts);
        let now = 1_800_000_000;
        let ago = |secs| time_text(now - secs, now);
        assert_eq!(ago(59), "just now");
        assert_eq!(ago(60), "1 min ago");
        assert_eq!(ago(3_600), "1 hour ago");
        assert_eq!(ago(86_400 * 6), "6 days ago");
        // As `date -u -d @…` prints them.
        assert_eq!(time_text(1_709_164_800, now), "29 Feb 2024");
        assert_eq!(time_text(951_782_400, now), "29 Feb 2000");
        assert_eq!(time_text(1_735_689_599, now), "31 Dec 2024");
        assert_eq!(time_text(4_107_542_400, 5_000_000_000), "1 Mar 2100");
    }
}
