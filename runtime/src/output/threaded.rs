//! Encoding on a thread of its own.

use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};

use lumawire_core::{HostImage, Pixels};

use super::{FrameWriter, OutputError, Written};

/// Frames that may wait for the encoder: some depth evens out slow frames, each costs its memory.
const QUEUE_LEN: usize = 4;

/// Hands frames to another writer on the thread `lumawire-encoder`. [`write`](FrameWriter::write)
/// copies the frame and waits while the queue is full; frame buffers are used again. What goes
/// wrong on the thread comes back from the next `write` or from `finish`.
#[derive(Debug)]
pub struct ThreadedWriter {
    /// `None` once the thread has stopped.
    jobs: Option<Sender<Job>>,
    used: Receiver<HostImage>,
    thread: Option<JoinHandle<Result<Option<Written>, OutputError>>>,
}

enum Job {
    Frame(HostImage),
    Finish,
}

impl ThreadedWriter {
    /// Moves `writer` to its thread.
    pub fn new(writer: Box<dyn FrameWriter>) -> Self {
        let (jobs, queue) = bounded(QUEUE_LEN);
        // Every frame on its way finds room here: those queued, the one being written, one more.
        let (give_back, used) = bounded(QUEUE_LEN + 2);
        let builder = thread::Builder::new().name("lumawire-encoder".into());
        // A failed spawn drops the queue: the first write reports it.
        let thread = builder.spawn(move || encode(writer, &queue, &give_back)).ok();
        Self { jobs: Some(jobs), used, thread }
    }

    /// Waits for the thread and tells what became of it.
    fn join(&mut self) -> Result<Option<Written>, OutputError> {
        self.jobs = None;
        self.thread.take().map_or(Err(OutputError::Panicked), |thread| {
            thread.join().unwrap_or(Err(OutputError::Panicked))
        })
    }

    fn send(&mut self, job: Job) -> Result<(), OutputError> {
        if self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok()) {
            return Ok(());
        }
        self.join().and(Err(OutputError::Panicked))
    }
}

impl FrameWriter for ThreadedWriter {
    fn write(&mut self, frame: &HostImage) -> Result<(), OutputError> {
        let copy = match self.used.try_recv() {
            Ok(mut buffer) => {
                copy_into(&mut buffer, frame);
                buffer
            }
            Err(_) => frame.clone(),
        };
        self.send(Job::Frame(copy))
    }

    fn finish(mut self: Box<Self>) -> Result<Written, OutputError> {
        self.send(Job::Finish)?;
        self.join()?.ok_or(OutputError::Panicked)
    }
}

impl Drop for ThreadedWriter {
    fn drop(&mut self) {
        // Without `Finish`, the thread drops its writer, which clears up after itself.
        let _ = self.join();
    }
}

fn encode(
    mut writer: Box<dyn FrameWriter>,
    queue: &Receiver<Job>,
    give_back: &Sender<HostImage>,
) -> Result<Option<Written>, OutputError> {
    for job in queue {
        match job {
            Job::Frame(frame) => {
                writer.write(&frame)?;
                // With nobody to take it, the buffer is freed.
                let _ = give_back.try_send(frame);
            }
            Job::Finish => return writer.finish().map(Some),
        }
    }
    Ok(None)
}

/// Copies `frame`, using `buffer`'s memory where it fits.
fn copy_into(buffer: &mut HostImage, frame: &HostImage) {
    (buffer.width_px, buffer.height_px) = (frame.width_px, frame.height_px);
    match (&mut buffer.pixels, &frame.pixels) {
        (Pixels::Rgba8(to), Pixels::Rgba8(from)) => to.clone_from(from),
        (Pixels::RgbaF32(to), Pixels::RgbaF32(from)) => to.clone_from(from),
        (to, from) => to.clone_from(from),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::output::testing::pattern;

    /// Keeps the frames; fails at frame `fails_at`.
    struct Recorder {
        frames: Arc<Mutex<Vec<(usize, HostImage)>>>,
        fails_at: usize,
        dropped: Option<Sender<()>>,
    }

    impl FrameWriter for Recorder {
        fn write(&mut self, frame: &HostImage) -> Result<(), OutputError> {
            let mut frames = self.frames.lock().unwrap();
            if frames.len() == self.fails_at {
                return Err(OutputError::NoFrames { path: "disk full".into() });
            }
            let Pixels::Rgba8(bytes) = &frame.pixels else { panic!("{frame:?}") };
            frames.push((bytes.as_ptr() as usize, frame.clone()));
            Ok(())
        }

        fn finish(self: Box<Self>) -> Result<Written, OutputError> {
            let frames = self.frames.lock().unwrap().len() as u64;
            Ok(Written { paths: Vec::new(), frames, bytes: 0 })
        }
    }

    impl Drop for Recorder {
        fn drop(&mut self) {
            if let Some(dropped) = self.dropped.take() {
                dropped.send(()).unwrap();
            }
        }
    }

    #[test]
    fn frames_arrive_in_order_through_few_buffers() {
        let frames = Arc::new(Mutex::new(Vec::new()));
        let recorder = Recorder { frames: frames.clone(), fails_at: usize::MAX, dropped: None };
        let mut writer = Box::new(ThreadedWriter::new(Box::new(recorder)));
        for n in 0..100 {
            writer.write(&pattern((8, 8), n)).unwrap();
        }
        assert_eq!(writer.finish().unwrap().frames, 100);
        let frames = frames.lock().unwrap();
        assert!((0..).zip(frames.iter()).all(|(n, (_, frame))| *frame == pattern((8, 8), n)));
        let mut buffers: Vec<usize> = frames.iter().map(|(at, _)| *at).collect();
        buffers.sort_unstable();
        buffers.dedup();
        assert!(buffers.len() <= QUEUE_LEN + 2, "{} buffers", buffers.len());
    }

    #[test]
    fn a_failure_comes_back() {
        let recorder = || Recorder { frames: Arc::default(), fails_at: 2, dropped: None };
        let mut writer = ThreadedWriter::new(Box::new(recorder()));
        let error = (0..99).find_map(|n| writer.write(&pattern((8, 8), n)).err()).unwrap();
        assert!(error.to_string().contains("disk full"), "{error}");
        let mut writer = Box::new(ThreadedWriter::new(Box::new(recorder())));
        for n in 0..3 {
            writer.write(&pattern((8, 8), n)).unwrap();
        }
        let error = writer.finish().unwrap_err();
        assert!(error.to_string().contains("disk full"), "{error}");
    }

    #[test]
    fn dropping_it_drops_the_writer_before_it_returns() {
        let (dropped, told) = bounded(1);
        let recorder =
            Recorder { frames: Arc::default(), fails_at: usize::MAX, dropped: Some(dropped) };
        let mut writer = ThreadedWriter::new(Box::new(recorder));
        writer.write(&pattern((8, 8), 0)).unwrap();
        drop(writer);
        assert!(told.try_recv().is_ok());
    }
}
