//! Pictures beside PyTorch's, and beside themselves.

use std::collections::HashMap;

use half::f16;
use serde_json::{Value as Json, json};

use crate::network::{Engine, Network};
use crate::{Bench, Outcome};

/// Largest difference from the picture in 64 bits, in units of its deviation, that needs no excuse.
const TOLERANCE: f64 = 2e-4;
/// And in tf32, as PyTorch may take 32 bits where it is allowed tf32.
const TF32_TOLERANCE: f64 = 2e-2;
/// How many times PyTorch's own difference in the same numbers ours may be.
const MOST_OF_TORCH: f64 = 4.0;
/// Largest difference of a picture for the screen from what it is made of, of about 0 to 1.
const SCREEN_TOLERANCE: f64 = 2e-3;

impl Bench {
    /// Gives the peer the network's weights and its latent.
    pub fn show(&mut self, network: &Network) -> Outcome<()> {
        let Some(peer) = &mut self.peer else { return Ok(()) };
        let ws = network.folder.path().join("ws.safetensors");
        candle_core::safetensors::save(&HashMap::from([("ws", network.ws.clone())]), &ws)?;
        peer.ask(json!({ "do": "network", "weights": network.weights(), "ws": ws }))?;
        Ok(())
    }

    /// Whether an engine's pictures are right: how far they are from PyTorch's in 64 bits, whether
    /// those for the screen show the same, and whether a replayed recording draws the same bytes.
    pub fn compare(
        &mut self,
        network: &Network,
        launched: &Engine<'_>,
        recorded: &Engine<'_>,
        numbers: &str,
    ) -> Outcome<(Json, bool)> {
        let mut problems = Vec::new();
        if !self.replays_exactly(network, launched, recorded)? {
            problems.push("RECORDINGS DRAW OTHERWISE");
        }
        let picture = launched.picture()?;
        let screen = launched.screen(&self.cuda, &network.ws)?;
        let on_screen = screen_difference(&picture, &screen);
        // A difference that is no number fails, here and below.
        let is_shown = on_screen <= SCREEN_TOLERANCE;
        if !is_shown {
            problems.push("THE SCREEN SHOWS SOMETHING ELSE");
        }
        let mut found = Json::Null;
        if let Some(peer) = &mut self.peer {
            let file = network.folder.path().join("picture.f32");
            std::fs::write(&file, bytemuck::cast_slice(&picture))?;
            found = peer.ask(json!({ "do": "compare", "picture": file, "numbers": numbers }))?;
            let number = |who: &str, what: &str| found[who][what].as_f64().unwrap_or(f64::NAN);
            let (own, torch) = (number("other", "max"), number("torch", "max"));
            let tolerance = if numbers == "tf32" { TF32_TOLERANCE } else { TOLERANCE };
            let is_near = own <= (MOST_OF_TORCH * torch).max(tolerance);
            if !is_near {
                problems.push("TOO FAR FROM 64 BITS");
            }
            println!(
                "  from 64 bits, of the deviation: {own:.1e} at most, {:.1e} in the mean square; \
                 PyTorch {torch:.1e}, {:.1e}",
                number("other", "rms"),
                number("torch", "rms")
            );
        }
        for problem in &problems {
            println!("  {problem}");
        }
        let entry = json!({
            "precision": numbers,
            "lumawire": found["other"],
            "torch": found["torch"],
            "on_screen": on_screen,
            "problems": problems,
        });
        Ok((entry, problems.is_empty()))
    }

    /// Whether pictures are the same bytes launched and recorded, also after one of another latent.
    fn replays_exactly(
        &self,
        network: &Network,
        launched: &Engine<'_>,
        recorded: &Engine<'_>,
    ) -> Outcome<bool> {
        let (ws, other) = (&network.ws, &network.other_ws);
        let expected = [launched.screen(&self.cuda, ws)?, launched.screen(&self.cuda, other)?];
        let mut is_same = expected[0] != expected[1];
        // An engine records what it draws for the second time.
        for _ in 0..3 {
            is_same &= recorded.screen(&self.cuda, ws)? == expected[0];
            is_same &= recorded.screen(&self.cuda, other)? == expected[1];
        }
        Ok(is_same)
    }
}

/// Largest difference of the screen's red, green and blue from those of a picture of three planes
/// from -1 to 1 in sRGB.
fn screen_difference(picture: &[f32], screen: &[f16]) -> f64 {
    let num_pixels = picture.len() / 3;
    let pixels = screen.chunks_exact(4).enumerate().take(num_pixels);
    let differences = pixels.flat_map(|(i, pixel)| {
        let planes = pixel.iter().zip(picture.chunks_exact(num_pixels));
        planes.map(move |(found, plane)| {
            let expected = linear(f64::from(plane[i]) / 2.0 + 0.5);
            (f64::from(found.to_f32()) - expected).abs() / expected.abs().max(1.0)
        })
    });
    // `max` would pass over what is no number.
    differences.fold(0.0, |most, d| if d <= most { most } else { d })
}

/// sRGB to linear light, odd about 0.
fn linear(v: f64) -> f64 {
    let magnitude = match v.abs() {
        a if a <= 0.04045 => a / 12.92,
        a => ((a + 0.055) / 1.055).powf(2.4),
    };
    magnitude.copysign(v)
}
