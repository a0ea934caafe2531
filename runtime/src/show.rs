//! A transport driving an engine: samples in, frames due.

use lumawire_core::AudioBlock;

use crate::control::Desk;
use crate::engine::Engine;
use crate::transport::{Read, Transport, TransportError};

/// Where changed plans come from.
pub trait Swaps: Send {
    /// Gives the engine the plans that count from its next block on.
    fn take(&mut self, engine: &mut Engine);
}

/// Hears what the engine hears.
pub trait Tap: Send {
    /// The engine's next block, of which the first `num_samples` came from the transport and the rest
    /// is silence after its end. It must not wait.
    fn hear(&mut self, engine: &Engine, block: &AudioBlock, num_samples: usize);
}

impl<F: FnMut(u64, &AudioBlock) + Send> Tap for F {
    /// Gets the number of the block's first sample, and the block.
    fn hear(&mut self, engine: &Engine, block: &AudioBlock, _num_samples: usize) {
        self(engine.next_sample(), block);
    }
}

/// An engine and what feeds it. Live and offline differ in the transport alone.
pub struct Show<T> {
    /// The engine.
    pub engine: Engine,
    transport: T,
    swaps: Option<Box<dyn Swaps>>,
    desk: Option<Desk>,
    taps: Vec<Box<dyn Tap>>,
    block: AudioBlock,
    /// Length of the sound, once its end was reached.
    end: Option<u64>,
}

impl<T: Transport> Show<T> {
    /// A show at the transport's first sample.
    pub fn new(engine: Engine, transport: T) -> Self {
        let (block, end) = (AudioBlock::default(), None);
        Self { engine, transport, swaps: None, desk: None, taps: Vec::new(), block, end }
    }

    /// Takes new plans from `swaps` before blocks.
    pub fn with_swaps(mut self, swaps: impl Swaps + 'static) -> Self {
        self.swaps = Some(Box::new(swaps));
        self
    }

    /// Lets `desk` steer the engine.
    pub fn with_desk(mut self, desk: Desk) -> Self {
        self.desk = Some(desk);
        self
    }

    /// Lets `tap` hear every block.
    pub fn with_tap(mut self, tap: impl Tap + 'static) -> Self {
        self.add_tap(tap);
        self
    }

    /// Lets `tap` hear every block.
    pub fn add_tap(&mut self, tap: impl Tap + 'static) {
        self.taps.push(Box::new(tap));
    }

    /// The transport.
    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// The transport, to ask what changes it. What is read from it is missing to the engine.
    pub fn transport_mut(&mut self) -> &mut T {
        &mut self.transport
    }

    /// Begins again, with a transport at its first sample and the engine at its own.
    pub fn rewind(&mut self, transport: T) {
        self.transport = transport;
        self.end = None;
        self.engine.reset();
        if let Some(desk) = &mut self.desk {
            desk.reset(&mut self.engine);
        }
    }

    /// Runs blocks until a frame is due and returns its number, for the caller to run by
    /// `engine.frame`; `None` at the end of the sound. The last block is filled up with silence,
    /// and so are those of the plan's lead after it; no frame begins at or after the end.
    pub fn run_until_frame(&mut self) -> Result<Option<u64>, TransportError> {
        loop {
            let next = self.engine.next_frame();
            let due = self.engine.plan().clock.frame_due(next);
            if self.engine.frame_is_due() && self.end.is_none_or(|end| due < end) {
                if let Some(desk) = &mut self.desk {
                    desk.before_frame(&mut self.engine, due);
                }
                return Ok(Some(next));
            }
            if self.end.is_some_and(|end| due >= end) {
                return Ok(None);
            }
            // Only here, so that a take can tell by the sample when a plan came.
            if let Some(swaps) = &mut self.swaps {
                swaps.take(&mut self.engine);
            }
            let num_samples = self.read_block()?;
            if num_samples > 0 || self.leads() {
                self.run_block(num_samples);
            }
        }
    }

    /// The show is over: asks the nodes a last time what the patch should keep.
    pub fn close(&mut self) {
        if let Some(desk) = &mut self.desk {
            desk.keep(&mut self.engine);
        }
    }

    fn run_block(&mut self, num_samples: usize) {
        if let Some(desk) = &mut self.desk {
            if let Some(song) = self.transport.song_at(self.engine.next_sample()) {
                desk.hear(&self.engine, song);
            }
            desk.before_block(&mut self.engine);
        }
        for tap in &mut self.taps {
            tap.hear(&self.engine, &self.block, num_samples);
        }
        self.engine.block(&self.block);
        if let Some(desk) = &mut self.desk {
            desk.after_block(&mut self.engine);
        }
    }

    /// Whether frames of the sound may still come after its end.
    fn leads(&self) -> bool {
        self.engine.plan().lead_blocks > 0
    }

    /// Reads one block, however small the transport's portions are; returns how many samples came.
    fn read_block(&mut self) -> Result<usize, TransportError> {
        let len = self.engine.plan().clock.block_len;
        self.transport.settle();
        self.block.resize(self.transport.num_channels(), len);
        let mut filled = 0;
        while filled < len {
            match self.transport.read(&mut self.block, filled)? {
                Read::Samples(n) => filled += n,
                Read::Ended => {
                    let end = self.engine.next_sample() + filled as u64;
                    self.end = self.end.or(Some(end));
                    break;
                }
            }
        }
        Ok(filled)
    }
}
