//! Tells controllers what the parameters are.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lumawire_core::plan::Plan;
use rosc::{OscMessage, OscPacket, OscType};

use super::Destination;
use super::ear::Ear;
use super::space::{Place, ROOT, Space};
use super::value;
use crate::control::Reading;

/// While somebody moves a control, nothing moves it back: so long after its last message.
const HOLD: Duration = Duration::from_millis(250);
/// Values told to one destination at once; the rest follows.
const MAX_AT_ONCE: usize = 256;

/// What was told to whom.
pub(super) struct Feedback {
    space: Arc<Space>,
    plan: Option<Arc<Plan>>,
    readings: Vec<Vec<Reading>>,
    hearers: Vec<Hearer>,
    num_refreshes: u64,
}

struct Hearer {
    destination: Destination,
    to: Option<SocketAddr>,
    /// By place, the bits of what was told last.
    told: Vec<Option<u64>>,
    cue: Option<String>,
}

impl Hearer {
    fn forget(&mut self, num_places: usize) {
        self.told.clear();
        self.told.resize(num_places, None);
        self.cue = None;
    }
}

impl Feedback {
    pub fn new(ear: &Ear, destinations: Vec<Destination>) -> Self {
        let space = ear.space();
        let hearer = |destination| Hearer {
            destination,
            to: None,
            told: vec![None; space.places.len()],
            cue: None,
        };
        let hearers = destinations.into_iter().map(hearer).collect();
        Self { space, plan: None, readings: Vec::new(), hearers, num_refreshes: 0 }
    }

    /// Tells what has changed.
    pub fn tell(&mut self, ear: &Ear, now: Instant, mut send: impl FnMut(SocketAddr, &OscPacket)) {
        if self.hearers.is_empty() {
            return;
        }
        let (space, num_refreshes) = (ear.space(), ear.num_refreshes());
        if !Arc::ptr_eq(&space, &self.space) || num_refreshes != self.num_refreshes {
            (self.space, self.num_refreshes) = (space, num_refreshes);
            self.hearers.iter_mut().for_each(|hearer| hearer.forget(self.space.places.len()));
        }
        self.plan = ear.board.read_into(&mut self.readings);
        if !self.plan.as_ref().is_some_and(|plan| Arc::ptr_eq(plan, &self.space.plan)) {
            return;
        }
        let cue = ear.board.cue();
        for hearer in &mut self.hearers {
            let to = match hearer.destination {
                Destination::Fixed(to) => Some(to),
                Destination::LastSender(port) => ear
                    .last_sender()
                    .map(|from| SocketAddr::new(from.ip(), port.unwrap_or(from.port()))),
            };
            if to != hearer.to {
                hearer.to = to;
                hearer.forget(self.space.places.len());
            }
            let Some(to) = to else { continue };
            tell_one(&self.space, &self.readings, hearer, to, now, &mut send);
            if cue.is_some() && cue != hearer.cue {
                let name = cue.clone().unwrap_or_default();
                send(to, &message(format!("{ROOT}/cue/current"), OscType::String(name)));
                hearer.cue.clone_from(&cue);
            }
        }
    }
}

fn tell_one(
    space: &Space,
    readings: &[Vec<Reading>],
    hearer: &mut Hearer,
    to: SocketAddr,
    now: Instant,
    send: &mut impl FnMut(SocketAddr, &OscPacket),
) {
    let mut num_told = 0;
    for (i, (place, told)) in space.places.iter().zip(&mut hearer.told).enumerate() {
        let reading = readings.get(place.at.0).and_then(|step| step.get(place.at.1));
        let Some(v) = reading.and_then(|reading| reading.base) else { continue };
        if *told == Some(v.to_bits()) {
            continue;
        }
        let is_held = space.touch(i).is_some_and(|touch| {
            touch.from == to.ip() && now.saturating_duration_since(touch.when) < HOLD
        });
        if is_held {
            continue;
        }
        if num_told >= MAX_AT_ONCE {
            return;
        }
        *told = Some(v.to_bits());
        num_told += 1;
        for (address, range) in &place.told_at {
            if let Some(arg) = told_as(place, v, *range) {
                send(to, &message(address.clone(), arg));
            }
        }
    }
}

/// A parameter's value as one of its addresses tells it.
pub(super) fn told_as(place: &Place, v: f64, range: Option<[f64; 2]>) -> Option<OscType> {
    match range {
        Some([low, high]) if low != high => {
            Some(OscType::Float(((v - low) / (high - low)).clamp(0.0, 1.0) as f32))
        }
        _ => value::told_number(place.param, v),
    }
}

fn message(addr: String, arg: OscType) -> OscPacket {
    OscPacket::Message(OscMessage { addr, args: vec![arg] })
}
