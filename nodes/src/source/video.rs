//! A film.

use std::any::Any;
use std::path::PathBuf;

use lumawire_core::{
    Encoding, FileKind, HostImage, Image, Io, Node, NodeError, NodeSpec, Offline, Param, Params,
    Port, PortType, PrepareCx, Rate, Role, Services, Tick, Unit,
};

use self::decoder::{Decoder, Event, Film, Place, SLACK_SECS, Span};
use super::shown::Shown;
use super::test_card::test_card;

mod decoder;
mod ffmpeg;

const IN_RESTART: usize = 0;
const OUT_IMAGE: usize = 0;
const OUT_PHASE: usize = 1;
const OUT_LATE: usize = 2;

const FILE: usize = 0;
const SPEED: usize = 1;
const REPEAT: usize = 2;
const START_SECS: usize = 3;
const END_SECS: usize = 4;
const POSITION_SECS: usize = 5;

const REPEAT_LOOP: usize = 0;
/// Ways farther than this are made by a jump, not by decoding all between.
const JUMP_SECS: f64 = 2.0;

/// `source.video`
pub const SPEC: NodeSpec = NodeSpec {
    kind: "source.video",
    version: 1,
    label: "Video",
    doc: "Plays a film, by the ffmpeg program. At each tick it shows the frame of its time: the last one \
          that begins by then (or within a millisecond after, since containers round times). That time \
          is start + (position + what has passed since the beginning, times speed), round the part from \
          start to end. All that ffmpeg decodes from a file of its own: .mp4, .mov, .mkv, .webm, .avi, \
          .gif and more, no playlists; variable frame rates, turned as the file says, pixels made \
          square, 8 bits a colour, with alpha, up to 4096 × 4096. A thread decodes ahead. In a render \
          the node waits for the frame; on stage it keeps the last one where the next is not there yet, \
          and counts it. Going back and far ahead takes a moment, since films are decoded forwards. \
          The sound of the film is not heard. A file that is absent is told: what was opened before \
          plays on, or else a test card shows.",
    rate: Rate::Frame,
    role: Role::Stateful,
    inputs: &[Port::optional("restart", PortType::Trigger, "Begins again.")],
    outputs: &[
        Port::output("image", PortType::Image, "The frame."),
        Port::output("phase", PortType::Control, "Place in the part that is played, 0..1."),
        Port::output("late", PortType::Control, "How often a frame was not there in time, so far."),
    ],
    params: &[
        Param::file("file", "File", FileKind::Video).doc("The film."),
        Param::float("speed", "Speed", 1.0, (0.0, 4.0))
            .hard(0.0, 16.0)
            .doc("1 is the film's own pace, 0 stands still."),
        Param::choice("repeat", "Repeat", &["loop", "once"])
            .doc("Over and over, or once, and the last frame stays."),
        Param::float("start_secs", "Start", 0.0, (0.0, 60.0))
            .hard(0.0, 360_000.0)
            .unit(Unit::Secs)
            .doc("Where the part that is played begins."),
        Param::float("end_secs", "End", 0.0, (0.0, 60.0))
            .hard(0.0, 360_000.0)
            .unit(Unit::Secs)
            .doc("Where it ends; 0, or what is not after the start, is the film's end."),
        Param::float("position_secs", "Position", 0.0, (0.0, 60.0))
            .hard(-360_000.0, 360_000.0)
            .unit(Unit::Secs)
            .doc("Added to the time: with speed 0 it is the place in the part itself."),
    ],
    build: || Box::new(Video::default()),
};

#[derive(Default)]
struct Video {
    services: Services,
    /// The file that is named.
    file: Option<PathBuf>,
    /// Whether it is not there.
    is_absent: bool,
    /// Whether ticks wait for their frames.
    waits: bool,
    clock: Timeline,
    player: Option<Player>,
    /// Shown where there is no player.
    card: Option<Shown>,
}

/// Seconds that have passed in the film: linear from the last change of speed, so that no error adds
/// up.
#[derive(Default)]
struct Timeline {
    from: Option<(u64, f64, f64)>,
}

impl Timeline {
    /// The film's seconds at this tick, and from here on at this speed.
    fn at(&mut self, tick: &Tick, speed: f64, restarts: bool) -> f64 {
        let frame = tick.frame;
        let passed = |(from, secs, speed): (u64, f64, f64)| {
            secs + frame.saturating_sub(from) as f64 * tick.clock.dt_secs(tick.rate) * speed
        };
        let secs = self.from.map_or(0.0, passed);
        let secs = if restarts { 0.0 } else { secs };
        if restarts || self.from.is_none_or(|(.., old)| old != speed) {
            self.from = Some((frame, secs, speed));
        }
        secs
    }
}

/// A film that plays.
struct Player {
    film: Film,
    decoder: Decoder,
    span: Option<Span>,
    /// The frame that is shown; or, until it comes, the place that was asked for.
    shown_at: Place,
    /// The latest frame that came, or the place that was asked for.
    newest: Place,
    next: Option<(Place, HostImage)>,
    /// Whether nothing more comes from here.
    has_ended: bool,
    fault: Option<String>,
    picture: Shown,
    num_late: u32,
}

impl Node for Video {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        self.services = cx.services.clone();
        self.waits = cx.looks_ahead || cx.services.get::<Offline>().is_some();
        self.file = cx.file(FILE);
        self.is_absent = self.file.as_ref().is_some_and(|path| !path.exists());
        self.card = Some(Shown::new(test_card(), cx.services));
        if let Some(path) = self.file.as_ref().filter(|_| !self.is_absent) {
            let fault = |reason: String| NodeError::file(path, reason);
            if !path.is_file() {
                return Err(fault("is no regular file: choose another".into()));
            }
            let film = Film::open(path).map_err(fault)?;
            let player = Player::new(film, cx.services).map_err(|e| fault(e.to_string()))?;
            self.player = Some(player);
        }
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        let speed = f64::from(io.params.float(SPEED));
        let secs = self.clock.at(&io.tick, speed, io.inputs.trigger(IN_RESTART) > 0);
        let Some(player) = &mut self.player else {
            if let Some(card) = &mut self.card {
                io.outputs.set_image(OUT_IMAGE, card.image(&self.services));
            }
            return self.absent();
        };
        let span = span(io.params, &player.film);
        let place = span.place(secs + f64::from(io.params.float(POSITION_SECS)));
        player.go_to(place, span, speed, self.waits, &self.services);
        let len_secs = span.to_secs - span.from_secs;
        io.outputs.set_image(OUT_IMAGE, player.picture.image(&self.services));
        io.outputs.set_control(OUT_PHASE, ((place.secs - span.from_secs) / len_secs) as f32);
        io.outputs.set_control(OUT_LATE, player.num_late as f32);
        if let Some(fault) = &player.fault {
            return Err(NodeError::file(&player.film.path, fault));
        }
        self.absent()
    }

    fn reset(&mut self) {
        self.clock = Timeline::default();
        if let Some(player) = &mut self.player {
            player.span = None;
            player.num_late = 0;
            player.picture = Shown::new(first_picture(&player.film), &self.services);
        }
    }

    /// Where the file has gone while the patch runs, what was opened plays on.
    fn adopt(&mut self, old: &mut dyn Any) {
        if let Some(old) = old.downcast_mut::<Self>()
            && self.is_absent
            && old.file == self.file
        {
            self.player = old.player.take();
            self.clock = std::mem::take(&mut old.clock);
        }
    }
}

impl Video {
    fn absent(&self) -> Result<(), NodeError> {
        match &self.file {
            Some(path) if self.is_absent => Err(NodeError::file(
                path,
                "is not there; what was opened before plays on, or else a test card shows: choose the \
                 file again",
            )),
            _ => Ok(()),
        }
    }
}

/// The part that is played: it begins with the film's last frame at the latest, and lasts a frame at
/// least.
fn span(p: Params<'_>, film: &Film) -> Span {
    let duration_secs = film.duration_secs;
    let last_secs = (duration_secs - film.frame_secs.max(SLACK_SECS)).max(0.0);
    let from_secs = f64::from(p.float(START_SECS)).min(last_secs);
    let end_secs = f64::from(p.float(END_SECS)).min(duration_secs);
    let is_after = end_secs > from_secs + SLACK_SECS;
    let to_secs = if is_after { end_secs } else { duration_secs };
    // Frames of unlike length: the last one's may be long.
    let least_secs = film.frame_secs.clamp(SLACK_SECS, 0.04);
    Span {
        from_secs,
        to_secs: to_secs.max(from_secs + least_secs),
        loops: p.choice(REPEAT) == REPEAT_LOOP,
    }
}

impl Span {
    /// Where the film is when `secs` of the part have been played.
    fn place(&self, secs: f64) -> Place {
        let len_secs = self.to_secs - self.from_secs;
        if !self.loops {
            // Its last frame stays.
            let secs = secs.clamp(0.0, len_secs - 0.5 * SLACK_SECS);
            return Place { round: 0, secs: self.from_secs + secs };
        }
        // Sums of fractions may end just below the seam.
        let round = ((secs + 1e-6) / len_secs).floor();
        let within = (secs - round * len_secs).max(0.0);
        Place { round: round as i64, secs: self.from_secs + within }
    }

    /// Seconds from one place to another.
    fn way_secs(&self, from: Place, to: Place) -> f64 {
        let rounds = to.round.saturating_sub(from.round) as f64;
        rounds * (self.to_secs - self.from_secs) + to.secs - from.secs
    }
}

fn first_picture(film: &Film) -> Image {
    Image {
        width_px: film.first.width_px,
        height_px: film.first.height_px,
        encoding: Encoding::Srgb,
        home: lumawire_core::ImageHome::Host(film.first.clone()),
    }
}

impl Player {
    fn new(film: Film, services: &Services) -> std::io::Result<Self> {
        let start = Place { round: 0, secs: 0.0 };
        Ok(Self {
            decoder: Decoder::start(film.clone())?,
            picture: Shown::new(first_picture(&film), services),
            film,
            span: None,
            shown_at: start,
            newest: start,
            next: None,
            has_ended: false,
            fault: None,
            num_late: 0,
        })
    }

    /// Shows the frame of `place`, or keeps the last one where it is not there yet and nobody waits.
    fn go_to(&mut self, place: Place, span: Span, speed: f64, waits: bool, services: &Services) {
        if self.span != Some(span) || self.must_jump(place, &span, speed) {
            self.decoder.seek(place, span);
            self.span = Some(span);
            (self.shown_at, self.newest) = (place, place);
            (self.next, self.has_ended, self.fault) = (None, false, None);
        }
        let mut found = None;
        while !self.has_ended {
            if self.next.is_none() && !self.take(waits) {
                self.num_late += 1;
                break;
            }
            let is_due =
                |(at, _): &mut (Place, HostImage)| span.way_secs(*at, place) >= -SLACK_SECS;
            match self.next.take_if(is_due) {
                Some(due) => found = Some(due),
                None => break,
            }
        }
        if let Some((at, frame)) = found {
            self.shown_at = at;
            self.picture = Shown::new(Image::from_host(frame, Encoding::Srgb), services);
        }
    }

    fn must_jump(&self, place: Place, span: &Span, speed: f64) -> bool {
        let is_back = span.way_secs(self.shown_at, place) < -SLACK_SECS;
        let is_far = span.way_secs(self.newest, place) > JUMP_SECS * speed.max(1.0);
        is_back || (is_far && !self.has_ended)
    }

    /// Takes what the decoder has; whether it had anything.
    fn take(&mut self, waits: bool) -> bool {
        match self.decoder.next(waits) {
            Some(Event::Frame(at, frame)) => {
                self.newest = at;
                self.next = Some((at, frame));
            }
            Some(Event::End) => self.has_ended = true,
            Some(Event::Fault(reason)) => {
                self.has_ended = true;
                self.fault = Some(reason);
            }
            None => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests;
