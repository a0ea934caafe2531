//! A transport driving an engine: samples in, frames due.

use lumawire_core::AudioBlock;

use crate::control::Desk;
use crate::engine::Engine;
use crate::preparer::SwapPort;
use crate::transport::{Read, Transport, TransportError};

/// An engine and what feeds it. Live and offline differ in the transport alone.
pub struct Show<T> {
    /// The engine.
    pub engine: Engine,
    transport: T,
    swaps: Option<SwapPort>,
    desk: Option<Desk>,
    block: AudioBlock,
    /// Length of the sound, once its end was reached.
    end: Option<u64>,
    taps: Vec<Tap>,
}

/// Gets every block that the engine hears, and the number of its first sample. Must not wait.
type Tap = Box<dyn FnMut(u64, &AudioBlock) + Send>;

impl<T: Transport> Show<T> {
    /// A show at the transport's first sample.
    pub fn new(engine: Engine, transport: T) -> Self {
        Self {
            engine,
            transport,
            swaps: None,
            desk: None,
            block: AudioBlock::default(),
            end: None,
            taps: Vec::new(),
        }
    }

    /// Takes new plans from `port` between blocks.
    pub fn with_swaps(mut self, port: SwapPort) -> Self {
        self.swaps = Some(port);
        self
    }

    /// Lets `desk` steer the engine.
    pub fn with_desk(mut self, desk: Desk) -> Self {
        self.desk = Some(desk);
        self
    }

    /// Lets `tap` hear every block before the engine does, with the number of its first sample.
    /// It must not wait.
    pub fn add_tap(&mut self, tap: impl FnMut(u64, &AudioBlock) + Send + 'static) {
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
            if let Some(swaps) = &self.swaps {
                swaps.take(&mut self.engine);
            }
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
            if self.read_block()? > 0 || self.leads() {
                self.run_block();
            }
        }
    }

    fn run_block(&mut self) {
        if let Some(desk) = &mut self.desk {
            if let Some(song) = self.transport.song_at(self.engine.next_sample()) {
                desk.hear(&self.engine, song);
            }
            desk.before_block(&mut self.engine);
        }
        for tap in &mut self.taps {
            tap(self.engine.next_sample(), &self.block);
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
