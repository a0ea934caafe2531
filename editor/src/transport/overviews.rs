//! Overviews of sound files: made on threads, kept by file and the time of its last change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crossbeam_channel::{Receiver, unbounded};
use egui::Context;

use super::wave::Wave;
use crate::kit::{MakeOverview, Overview};

/// Columns of an overview: some milliseconds each of a song.
const NUM_COLUMNS: usize = 16_384;
/// Overviews that are kept.
const MAX_KEPT: usize = 4;

/// The overviews.
#[derive(Default)]
pub struct Overviews {
    kept: Vec<Entry>,
}

struct Entry {
    path: PathBuf,
    modified: Option<SystemTime>,
    state: State,
    coming: Receiver<State>,
}

/// How far an overview is.
#[derive(Debug, Clone, Default)]
pub enum State {
    /// The waveform is being read.
    #[default]
    Reading,
    /// The waveform is there; what is in it is being found.
    Partly(Arc<Overview>),
    /// All is there.
    Whole(Arc<Overview>),
    /// The file cannot be read, and why.
    Failed(String),
}

impl State {
    /// What there is to draw.
    pub fn overview(&self) -> Option<&Arc<Overview>> {
        match self {
            Self::Partly(overview) | Self::Whole(overview) => Some(overview),
            Self::Reading | Self::Failed(_) => None,
        }
    }
}

impl Overviews {
    /// Begins the overview of a file, unless it is there as the file is now.
    pub fn load(&mut self, ctx: &Context, make: MakeOverview, path: &Path) {
        let modified = path.metadata().and_then(|meta| meta.modified()).ok();
        if self.kept.iter().any(|entry| entry.path == path && entry.modified == modified) {
            return;
        }
        self.kept.retain(|entry| entry.path != path);
        if self.kept.len() == MAX_KEPT {
            self.kept.remove(0);
        }
        let (send, coming) = unbounded();
        let (ctx, to_read) = (ctx.clone(), path.to_owned());
        let work = move || {
            let tell = |state| {
                let is_heard = send.send(state).is_ok();
                ctx.request_repaint();
                is_heard
            };
            let is_heard = match Wave::read(&to_read, NUM_COLUMNS) {
                Ok(wave) => tell(State::Partly(Arc::new(of_wave(wave)))),
                Err(why) => !tell(State::Failed(why)),
            };
            if is_heard {
                tell(match make(&to_read, NUM_COLUMNS) {
                    Ok(overview) => State::Whole(Arc::new(overview)),
                    Err(why) => State::Failed(why),
                });
            }
        };
        let started = std::thread::Builder::new().name("lumawire-overview".into()).spawn(work);
        let state = started.err().map_or(State::Reading, |error| State::Failed(error.to_string()));
        self.kept.push(Entry { path: path.to_owned(), modified, state, coming });
    }

    /// How far the overview of a file is.
    pub fn get(&mut self, path: &Path) -> Option<&State> {
        let entry = self.kept.iter_mut().find(|entry| entry.path == path)?;
        while let Ok(state) = entry.coming.try_recv() {
            // Who has a waveform keeps it where nothing more is found.
            let keeps = matches!(state, State::Failed(_)) && entry.state.overview().is_some();
            match entry.state.overview().filter(|_| keeps) {
                Some(overview) => entry.state = State::Whole(overview.clone()),
                None => entry.state = state,
            }
        }
        Some(&entry.state)
    }
}

fn of_wave(wave: Wave) -> Overview {
    let Wave { secs, peaks, levels } = wave;
    Overview { secs, peaks, levels, ..Overview::default() }
}

#[cfg(test)]
mod tests {
    use super::super::wave::tests::write_wav;
    use super::*;

    fn wait(overviews: &mut Overviews, path: &Path) -> State {
        loop {
            match overviews.get(path).unwrap() {
                State::Reading | State::Partly(_) => std::thread::yield_now(),
                done => return done.clone(),
            }
        }
    }

    #[test]
    fn a_changed_file_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let make: MakeOverview = |path, columns| {
            Wave::read(path, columns)
                .map(|wave| Overview { beats_secs: vec![1.0], ..of_wave(wave) })
        };
        let (mut overviews, ctx) = (Overviews::default(), Context::default());
        write_wav(&path, 8_000, 1, &[1_000; 8_000]);
        overviews.load(&ctx, make, &path);
        let State::Whole(first) = wait(&mut overviews, &path) else { panic!("not read") };
        assert_eq!((first.secs, first.beats_secs.len()), (1.0, 1));
        overviews.load(&ctx, make, &path);
        let again = overviews.get(&path).unwrap().overview().unwrap();
        assert!(Arc::ptr_eq(again, &first));

        write_wav(&path, 8_000, 1, &[1_000; 16_000]);
        let later = SystemTime::now() + std::time::Duration::from_secs(10);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
        overviews.load(&ctx, make, &path);
        let State::Whole(second) = wait(&mut overviews, &path) else { panic!("not read") };
        assert_eq!(second.secs, 2.0);
    }

    #[test]
    fn what_is_no_sound_fails_and_a_waveform_stays_without_its_features() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        std::fs::write(&path, "no sound").unwrap();
        let (mut overviews, ctx) = (Overviews::default(), Context::default());
        overviews.load(&ctx, |_, _| Err("not that far".into()), &path);
        assert!(matches!(wait(&mut overviews, &path), State::Failed(why) if why.contains("a.wav")));
        let path = folder.path().join("b.wav");
        write_wav(&path, 8_000, 1, &[1_000; 800]);
        overviews.load(&ctx, |_, _| Err("nothing found".into()), &path);
        assert!(matches!(wait(&mut overviews, &path), State::Whole(wave) if wave.secs == 0.1));
    }
}
