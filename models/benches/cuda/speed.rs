//! Times of pictures in every way, the two programs in turn.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::network::Engine;
use crate::times::Times;
use crate::{Bench, Outcome};

/// The peer's algorithm, layout and run.
const PEER_WAYS: [(&str, &str, &str); 6] = [
    ("published", "nchw", "eager"),
    ("published", "nchw", "graph"),
    ("published", "nhwc", "eager"),
    ("published", "nhwc", "graph"),
    ("folded", "nchw", "graph"),
    ("folded", "nhwc", "graph"),
];
const ORIGINAL_WAYS: [(&str, &str, &str); 3] =
    [("original", "nchw", "eager"), ("original", "nchw", "graph"), ("original", "nhwc", "graph")];

/// Pictures that a program draws before it is the other's turn.
const NUM_IN_TURN: usize = 25;
const MOST_PICTURES: usize = 200;
const LEAST_PICTURES: usize = 50;
/// Longest time for two programs in turn, but for the least pictures.
const PATIENCE: Duration = Duration::from_secs(1);

impl Bench {
    /// Times of pictures in every way, beside those of the peer in `peer_numbers`, and the median of
    /// the recorded engine's.
    pub fn speed(
        &mut self,
        launched: &Engine<'_>,
        recorded: &Engine<'_>,
        precision: &str,
        peer_numbers: &[&str],
    ) -> Outcome<(Vec<Json>, f64)> {
        println!(
            "  {:<44} {:>8} {:>8} {:>8} {:>8} {:>6} {:>5}",
            "", "ms", "p99", "per s", "waited", "times", "of"
        );
        let (launched, _) = self.in_turn(launched, None)?;
        let mut own = Times::default();
        let mut others = Vec::new();
        for way in self.peer_ways(peer_numbers) {
            let (times, other) = self.in_turn(recorded, Some(&way))?;
            own.extend(times);
            others.push((way, other));
        }
        if others.is_empty() {
            own = self.in_turn(recorded, None)?.0;
        }
        let median = own.median();
        let mut rows = Vec::new();
        for (run, times) in [("recorded", &own), ("launched", &launched)] {
            let way = format!("Lumawire {precision}/{run}");
            println!("{}", times.row(&way, median));
            rows.push(times.json(&way));
        }
        for (way, times) in others {
            let way = format!("PyTorch {way}");
            match times {
                Ok(times) => {
                    println!("{}", times.row(&way, median));
                    rows.push(times.json(&way));
                }
                Err(error) => {
                    println!("  {way:<44} {error}");
                    rows.push(json!({ "way": way, "error": error }));
                }
            }
        }
        Ok((rows, median))
    }

    /// The peer's ways to draw in any of `numbers`.
    fn peer_ways(&self, numbers: &[&str]) -> Vec<String> {
        if self.peer.is_none() {
            return Vec::new();
        }
        let has_original =
            self.about_peer["original"].as_str().is_some_and(|note| note.starts_with("with"));
        let mut ways = Vec::new();
        for numbers in numbers {
            for (algorithm, layout, run) in PEER_WAYS.iter().chain(&ORIGINAL_WAYS) {
                let is_original = *algorithm == "original";
                let draws_so = !matches!(*numbers, "f16" | "bf16");
                // Only its halves may lie channels last.
                let lies_so = *layout == "nchw" || numbers.starts_with("published");
                if !is_original || has_original && draws_so && lies_so {
                    ways.push(format!("{algorithm}/{numbers}/{layout}/{run}"));
                }
            }
        }
        ways
    }

    /// Times of an engine and of the peer, some pictures each in turn; or why the peer does not draw
    /// in this way.
    fn in_turn(
        &mut self,
        engine: &Engine<'_>,
        way: Option<&str>,
    ) -> Outcome<(Times, Result<Times, String>)> {
        let (mut own, mut other) = (Times::default(), Ok(Times::default()));
        if let Some(way) = way {
            other = self.ask_for_times(json!({ "do": "prepare", "way": way }));
        }
        let start = Instant::now();
        while own.streamed.len() < LEAST_PICTURES
            || own.streamed.len() < MOST_PICTURES && start.elapsed() < PATIENCE
        {
            own.extend(engine.times(&self.cuda, NUM_IN_TURN)?);
            if let (Some(way), Ok(times)) = (way, &mut other) {
                let request = json!({ "do": "time", "way": way, "count": NUM_IN_TURN });
                match self.ask_for_times(request) {
                    Ok(more) => times.extend(more),
                    Err(error) => other = Err(error),
                }
            }
        }
        if let Some(peer) = &mut self.peer {
            peer.ask(json!({ "do": "drop" }))?;
        }
        Ok((own, other))
    }

    /// Times that the peer answers, none where it answers none.
    fn ask_for_times(&mut self, request: Json) -> Result<Times, String> {
        let peer = self.peer.as_mut().ok_or("there is no peer")?;
        let answer = peer.ask(request).map_err(|error| error.to_string())?;
        Ok(Times::of_json(&answer))
    }
}
