//! `control.percentile_clip`

use std::any::Any;

use lumawire_analysis::envelope::percentile::{PercentileClip, clip, level, sorted_peaks};
use lumawire_core::{
    Io, Node, NodeError, NodeSpec, Param, Port, PortType, PrepareCx, Rate, Role, Unit,
};

use super::finite;
use super::study::Study;
use crate::analysis::look_ahead::{HEARING, looks_ahead};

const IN: usize = 0;
const OUT: usize = 0;
const PERCENT: usize = 0;
const MEMORY: usize = 1;
const FLOOR: usize = 2;
const HEARING_PARAM: usize = 3;

/// The node's description.
pub const SPEC: NodeSpec = NodeSpec {
    kind: "control.percentile_clip",
    version: 1,
    label: "Percentile clip",
    doc: "Clips a control at a percentile of its peaks and stretches it to 0..1, so that one loud \
        moment does not dwarf the rest. min(x, level)/level, 0 below 0, where the level is that \
        percentile of the local maxima (maua-stylegan2's percentile_clip): causal of those of the \
        last `memory_secs` seconds, and before the first of the greatest value so far; looking \
        ahead of those of the whole sound, which is heard once before the render. No latency.",
    rate: Rate::Inherit,
    role: Role::Stateful,
    inputs: &[Port::required("in", PortType::Control, "The control to clip.")],
    outputs: &[Port::output("out", PortType::Control, "The control within 0..1.")],
    params: &[
        Param::float("percent", "Percentile", 97.0, (50.0, 100.0))
            .hard(0.0, 100.0)
            .doc("Percentile of the local maxima that becomes 1; 100 is the greatest."),
        Param::float("memory_secs", "Memory", 20.0, (1.0, 60.0))
            .hard(0.01, 600.0)
            .unit(Unit::Secs)
            .rebuild()
            .doc("How far back it looks."),
        Param::float("floor", "Floor", 1e-4, (0.0, 0.1))
            .hard(0.0, 1e6)
            .doc("The least level, so that near silence stays dark."),
        HEARING,
    ],
    build: || Box::new(PercentileClipNode::default()),
};

/// State of `control.percentile_clip`.
#[derive(Default)]
struct PercentileClipNode {
    clip: PercentileClip,
    study: Study,
    last: f32,
}

impl Node for PercentileClipNode {
    fn prepare(&mut self, cx: &PrepareCx<'_>) -> Result<(), NodeError> {
        let ticks = f64::from(cx.params.float(MEMORY)) / cx.clock.dt_secs(cx.rate);
        self.clip = PercentileClip::new(ticks.round() as usize);
        self.study = Study::new(looks_ahead(cx, HEARING_PARAM));
        Ok(())
    }

    fn process(&mut self, io: &mut Io<'_>) -> Result<(), NodeError> {
        if let Some(x) = finite(io, IN) {
            let (percent, floor) = (io.params.float(PERCENT), io.params.float(FLOOR));
            self.study.hear(x);
            let causal = self.clip.push(x, percent, floor);
            self.last = match self.study.learnt() {
                Some(peaks) => clip(x, level(peaks, percent).unwrap_or(0.0).max(floor)),
                None => causal,
            };
        }
        io.outputs.set_control(OUT, self.last);
        Ok(())
    }

    fn studies(&self) -> bool {
        self.study.is_wanted()
    }

    fn learn(&mut self) -> Result<(), NodeError> {
        self.study.learn(sorted_peaks);
        Ok(())
    }

    fn reset(&mut self) {
        self.clip.clear();
        self.study.reset();
        self.last = 0.0;
    }

    fn adopt(&mut self, old: &mut dyn Any) {
        if let Some(old) = old.downcast_ref::<Self>() {
            self.clip.adopt(&old.clip);
            self.last = old.last;
        }
    }
}

#[cfg(test)]
mod tests {
    use lumawire_core::harness::Harness;

    use super::*;
    use crate::map::reference;

    fn node(percent: f32) -> Harness {
        Harness::new(&SPEC).rate(Rate::Frame).param("percent", percent)
    }

    /// The reference itself is in the tests of `analysis`; here against its definition.
    #[test]
    fn looking_ahead_it_clips_at_a_percentile_of_all_peaks() {
        let x = reference("x1");
        let mut peaks: Vec<f32> =
            x.windows(3).filter(|w| w[1] > w[0] && w[1] > w[2]).map(|w| w[1]).collect();
        peaks.sort_by(f32::total_cmp);
        let level = peaks[(0.6 * (peaks.len() - 1) as f64).round_ties_even() as usize];
        let mut node = node(60.0).looks_ahead().prepare().unwrap();
        assert!(node.node_mut().studies());
        node.controls("in", "out", &x);
        node.learn().unwrap();
        let expected: Vec<f32> = x.iter().map(|v| v.min(level) / level).collect();
        assert_eq!(node.controls("in", "out", &x), expected);
    }

    #[test]
    fn causal_it_goes_by_what_came() {
        let mut node = node(100.0).prepare().unwrap();
        assert!(!node.node_mut().studies());
        let y = node.controls("in", "out", &[2.0, 4.0, 1.0, f32::NAN, 8.0, -1.0, 4.0]);
        // The peak at 8 counts from the value after it on.
        assert_eq!(y, [1.0, 1.0, 0.25, 0.25, 1.0, 0.0, 0.5]);
        node.reset();
        node.set_param("floor", 2.0_f32);
        assert_eq!(node.controls("in", "out", &[0.0, 0.5, 0.0, 4.0]), [0.0, 0.25, 0.0, 1.0]);
    }
}
