//! What the transport asks of a playing sound file.

use lumawire_runtime::live::Deck;

/// The controls of a playing sound file: those of [`Deck`], or a test's.
pub trait Player {
    /// Goes to a place, in seconds.
    fn seek(&self, secs: f64);
    /// Goes on or back by so many seconds.
    fn seek_by(&self, secs: f64);
    /// Stops the sound, or lets it go on.
    fn set_paused(&self, is_paused: bool);
    /// Whether it is stopped.
    fn is_paused(&self) -> bool;
    /// Plays a region again and again.
    fn set_loop(&self, region_secs: Option<(f64, f64)>);
    /// The region that it plays again and again.
    fn loop_secs(&self) -> Option<(f64, f64)>;
    /// Whether it begins again at its end.
    fn set_repeats(&self, repeats: bool);
    /// Whether it begins again at its end.
    fn repeats(&self) -> bool;
    /// What is played now, in seconds.
    fn position_secs(&self) -> f64;
    /// How long the sound is, where that is known.
    fn duration_secs(&self) -> Option<f64>;
}

impl Player for Deck {
    fn seek(&self, secs: f64) {
        self.seek(secs);
    }

    fn seek_by(&self, secs: f64) {
        self.seek_by(secs);
    }

    fn set_paused(&self, is_paused: bool) {
        self.set_paused(is_paused);
    }

    fn is_paused(&self) -> bool {
        self.is_paused()
    }

    fn set_loop(&self, region_secs: Option<(f64, f64)>) {
        self.set_loop(region_secs);
    }

    fn loop_secs(&self) -> Option<(f64, f64)> {
        self.loop_secs()
    }

    fn set_repeats(&self, repeats: bool) {
        self.set_repeats(repeats);
    }

    fn repeats(&self) -> bool {
        self.repeats()
    }

    fn position_secs(&self) -> f64 {
        self.position_secs()
    }

    fn duration_secs(&self) -> Option<f64> {
        self.duration_secs()
    }
}

/// The loop: whether it is on, and its region; without one the whole sound repeats, as at first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Loop {
    /// Whether it counts.
    pub is_on: bool,
    /// From where to where, in seconds.
    pub region_secs: Option<(f64, f64)>,
}

impl Default for Loop {
    fn default() -> Self {
        Self { is_on: true, region_secs: None }
    }
}

/// No loop is shorter, in seconds.
const MIN_LOOP_SECS: f64 = 0.05;

impl Loop {
    /// Sets the region from two ends in any order, and turns the loop on; ends that lie together
    /// make no region, and leave it on or off.
    pub fn set_region(&mut self, a_secs: f64, b_secs: f64) {
        let (from, to) = (a_secs.min(b_secs).max(0.0), a_secs.max(b_secs));
        self.region_secs = Some((from, to)).filter(|_| to - from >= MIN_LOOP_SECS);
        self.is_on |= self.region_secs.is_some();
    }

    /// Tells a player that does not know of it: one that has just begun.
    pub fn keep(&self, player: &dyn Player) {
        let has_region = self.is_on && self.region_secs.is_some();
        if (player.loop_secs().is_some(), player.repeats()) != (has_region, self.is_on) {
            self.apply(player);
        }
    }

    /// Tells the player. One that is beyond the region goes to its beginning, as it would else
    /// never come to its end.
    pub fn apply(&self, player: &dyn Player) {
        let region = self.region_secs.filter(|_| self.is_on);
        player.set_loop(region);
        player.set_repeats(self.is_on);
        if let Some((from, to)) = region
            && player.position_secs() > to
        {
            player.seek(from);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::RefCell;

    use super::*;

    /// A player that writes down what it is told.
    pub struct Fake {
        pub told: RefCell<Vec<String>>,
        pub is_paused: std::cell::Cell<bool>,
        pub position_secs: std::cell::Cell<f64>,
        pub duration_secs: Option<f64>,
        loop_secs: std::cell::Cell<Option<(f64, f64)>>,
        repeats: std::cell::Cell<bool>,
    }

    impl Fake {
        /// As a player begins in a show: it repeats.
        pub fn of(duration_secs: f64) -> Self {
            Self {
                told: RefCell::default(),
                is_paused: Default::default(),
                position_secs: Default::default(),
                duration_secs: Some(duration_secs),
                loop_secs: Default::default(),
                repeats: true.into(),
            }
        }

        fn tell(&self, what: String) {
            self.told.borrow_mut().push(what);
        }

        pub fn take(&self) -> Vec<String> {
            self.told.take()
        }
    }

    impl Player for Fake {
        fn seek(&self, secs: f64) {
            self.position_secs.set(secs);
            self.tell(format!("seek {secs:.2}"));
        }

        fn seek_by(&self, secs: f64) {
            self.tell(format!("seek by {secs}"));
        }

        fn set_paused(&self, is_paused: bool) {
            self.is_paused.set(is_paused);
            self.tell(format!("paused {is_paused}"));
        }

        fn is_paused(&self) -> bool {
            self.is_paused.get()
        }

        fn loop_secs(&self) -> Option<(f64, f64)> {
            self.loop_secs.get()
        }

        fn repeats(&self) -> bool {
            self.repeats.get()
        }

        fn set_loop(&self, region_secs: Option<(f64, f64)>) {
            self.loop_secs.set(region_secs);
            self.tell(match region_secs {
                Some((from, to)) => format!("loop {from:.2} to {to:.2}"),
                None => "no loop".into(),
            });
        }

        fn set_repeats(&self, repeats: bool) {
            self.repeats.set(repeats);
            self.tell(format!("repeats {repeats}"));
        }

        fn position_secs(&self) -> f64 {
            self.position_secs.get()
        }

        fn duration_secs(&self) -> Option<f64> {
            self.duration_secs
        }
    }

    #[test]
    fn a_region_has_two_ends_in_order() {
        let mut looped = Loop::default();
        looped.set_region(4.0, 1.5);
        assert_eq!(looped, Loop { is_on: true, region_secs: Some((1.5, 4.0)) });
        looped.set_region(-2.0, 1.0);
        assert_eq!(looped.region_secs, Some((0.0, 1.0)));
        looped.set_region(3.0, 3.01);
        assert_eq!(looped, Loop::default());
    }

    #[test]
    fn a_new_player_is_told_of_the_loop_once() {
        let mut looped = Loop::default();
        let player = Fake::of(60.0);
        looped.keep(&player);
        assert!(player.take().is_empty());
        looped.set_region(2.0, 4.0);
        for _ in 0..2 {
            let next = Fake::of(60.0);
            looped.keep(&next);
            looped.keep(&next);
            assert_eq!(next.take(), ["loop 2.00 to 4.00", "repeats true"]);
        }
        looped.is_on = false;
        looped.keep(&player);
        assert_eq!(player.take(), ["no loop", "repeats false"]);
        assert_eq!(looped.region_secs, Some((2.0, 4.0)));
    }

    #[test]
    fn a_player_beyond_its_loop_goes_back_to_it() {
        let player = Fake::of(60.0);
        let mut looped = Loop { is_on: true, region_secs: Some((2.0, 4.0)) };
        player.position_secs.set(3.0);
        looped.apply(&player);
        assert_eq!(player.take(), ["loop 2.00 to 4.00", "repeats true"]);
        player.position_secs.set(9.0);
        looped.apply(&player);
        assert_eq!(player.take(), ["loop 2.00 to 4.00", "repeats true", "seek 2.00"]);
        looped.is_on = false;
        looped.apply(&player);
        assert_eq!(player.take(), ["no loop", "repeats false"]);
    }
}
