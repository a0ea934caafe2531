//! What is to be rendered, as the dialog has it, and what that means for the command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use lumawire_core::{Edit, FileRef, Graph, ParamValue, PortType, Registry, Role, patch};

/// What comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)] // their labels say it
pub enum Kind {
    #[default]
    Film,
    Pictures,
    Still,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Film, Self::Pictures, Self::Still];

    /// What the dialog calls it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Film => "Film",
            Self::Pictures => "Picture sequence",
            Self::Still => "Still picture",
        }
    }
}

/// Which part of the sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)] // the dialog's labels say it
pub enum Part {
    #[default]
    Whole,
    Loop,
    Between,
}

/// What is to be rendered. Text is as it was typed; [`Form::fault`] says what is wrong with it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Form {
    /// What comes out.
    pub kind: Kind,
    /// Where to, by what comes out: `.mp4` and other films, a folder, a `.png`.
    pub out: String,
    /// `WIDTHxHEIGHT`; empty for the patch's own.
    pub size: String,
    /// Frames a second; empty for the patch's own.
    pub fps: String,
    /// Codec of a film; empty for the output node's.
    pub codec: String,
    /// Quality (CRF) of a film; `None` for the output node's.
    pub quality_crf: Option<i64>,
    /// Which part.
    pub part: Part,
    /// The loop of the transport, in seconds.
    pub loop_secs: Option<(f64, f64)>,
    /// Seconds to begin and end at, for [`Part::Between`]; of a still, only the first counts.
    pub from: String,
    /// See `from`.
    pub to: String,
    /// The sound; empty for the patch's own.
    pub audio: String,
    /// The output node; empty for the first by name.
    pub output: String,
    /// The preset to begin with; empty for none.
    pub preset: String,
    /// Whether it is heard as on stage.
    pub causal: bool,
    /// The seed; empty for the patch's own.
    pub seed: String,
}

const FILMS: [&str; 4] = ["mp4", "mov", "mkv", "webm"];

impl Form {
    /// The ends of the part in seconds; `None` where the sound's own counts.
    pub fn range_secs(&self) -> (Option<f64>, Option<f64>) {
        let typed = |text: &str| text.trim().parse::<f64>().ok();
        match (self.kind, self.part) {
            (Kind::Still, _) => (typed(&self.from), None),
            (_, Part::Whole) => (None, None),
            (_, Part::Loop) => (self.loop_secs.map(|l| l.0), self.loop_secs.map(|l| l.1)),
            (_, Part::Between) => (typed(&self.from), typed(&self.to)),
        }
    }

    /// What is wrong with it, in words; `None` if it can be rendered.
    pub fn fault(&self) -> Option<&'static str> {
        let out = Path::new(self.out.trim());
        let end = out.extension().map(|end| end.to_string_lossy().to_lowercase());
        let end = end.unwrap_or_default();
        let is_number = |text: &str| text.trim().is_empty() || is_secs(text);
        let (from, to) = self.range_secs();
        let fits = match self.kind {
            Kind::Film => FILMS.contains(&end.as_str()),
            Kind::Still => end == "png" && !self.out.contains('%'),
            Kind::Pictures => end.is_empty() || (end == "png" && self.out.contains('%')),
        };
        let faults = [
            (self.out.trim().is_empty(), "Choose where to render to."),
            (!fits && self.kind == Kind::Film, "A film's name ends in .mp4, .mov, .mkv or .webm."),
            (!fits && self.kind == Kind::Still, "A still picture's name ends in .png."),
            (!fits, "Name a folder, or pictures such as name_%05d.png."),
            (!is_size(&self.size), "Write the size as 1920x1080, or leave it out."),
            (!is_fps(&self.fps), "Write the frame rate as 30, 29.97 or 30000/1001."),
            (!(is_number(&self.from) && is_number(&self.to)), "Write times in seconds."),
            (from.zip(to).is_some_and(|(from, to)| from >= to), "The end lies before the start."),
            (
                !self.seed.trim().is_empty() && self.seed.trim().parse::<u64>().is_err(),
                "A seed is a whole number.",
            ),
        ];
        faults.into_iter().find(|(is_wrong, _)| *is_wrong).map(|(_, why)| why)
    }

    /// What follows `lumawire`: the render of a patch's file to `out`.
    pub fn args(&self, patch: &Path, out: &Path) -> Vec<OsString> {
        let mut args: Vec<OsString> = vec!["render".into(), patch.into(), "-o".into(), out.into()];
        args.extend(["--progress".into(), "json".into()]);
        let (from, to) = self.range_secs();
        let texts = [
            ("--size", self.size.trim().replace('×', "x")),
            ("--fps", self.fps.trim().to_owned()),
            ("--from", from.map_or_else(String::new, |secs| secs.to_string())),
            ("--to", to.map_or_else(String::new, |secs| secs.to_string())),
            ("--audio", self.audio.trim().to_owned()),
            ("--output", self.output.clone()),
            ("--preset", self.preset.clone()),
            ("--seed", self.seed.trim().to_owned()),
        ];
        for (flag, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            // One word, so that what begins with a dash is no flag.
            args.push(format!("{flag}={text}").into());
        }
        if self.causal {
            args.push("--causal".into());
        }
        args
    }

    /// The patch as it is to be rendered: with the codec that was chosen, and with files named from
    /// the root, so that it can lie anywhere.
    pub fn patch_text(&self, graph: &Graph, registry: &Registry, base_dir: &Path) -> String {
        let mut graph = graph.clone();
        let base_dir = std::path::absolute(base_dir).unwrap_or_else(|_| base_dir.to_owned());
        for used in patch::files(&graph, registry) {
            let path = base_dir.join(&used.file.path).to_string_lossy().into_owned();
            let value = Some(ParamValue::File(FileRef { path, ..used.file }));
            // What does not take it stays as it was, and says what it lacks when it is rendered.
            let _ =
                graph.apply(Edit::SetParam { node: used.node, param: used.param, value }, registry);
        }
        if self.kind == Kind::Film
            && let Some(node) = self.output_node(&graph, registry)
        {
            let codec =
                Some(ParamValue::Text(self.codec.clone())).filter(|_| !self.codec.is_empty());
            let quality = self.quality_crf.map(ParamValue::Int);
            for (param, value) in [("codec", codec), ("quality_crf", quality)] {
                if value.is_some() {
                    let (node, param) = (node.clone(), param.to_owned());
                    let _ = graph.apply(Edit::SetParam { node, param, value }, registry);
                }
            }
        }
        patch::to_text(&graph, registry)
    }

    fn output_node(&self, graph: &Graph, registry: &Registry) -> Option<String> {
        let is_it = |id: &String| self.output.is_empty() || *id == self.output;
        output_nodes(graph, registry).into_iter().find(is_it)
    }
}

/// The output nodes that make pictures, by name.
pub fn output_nodes(graph: &Graph, registry: &Registry) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for (id, node) in graph.nodes() {
        let is_sink = registry.of(node).is_some_and(|spec| {
            let gives = spec.outputs.first().map(|port| port.ty);
            spec.role == Role::Sink && gives == Some(PortType::Image)
        });
        if is_sink {
            ids.push(id.to_owned());
        }
    }
    ids.sort_unstable();
    ids
}

fn is_secs(text: &str) -> bool {
    text.trim().parse::<f64>().is_ok_and(|secs| secs.is_finite() && secs >= 0.0)
}

fn is_size(text: &str) -> bool {
    let side = |text: &str| text.trim().parse::<u32>().is_ok_and(|px| (1..=16_384).contains(&px));
    let sides = text.split_once(['x', 'X', '×']);
    text.trim().is_empty() || sides.is_some_and(|(w, h)| side(w) && side(h))
}

fn is_fps(text: &str) -> bool {
    text.trim().is_empty() || fps_hz(text).is_some_and(|hz| (1.0..=1000.0).contains(&hz))
}

/// A frame rate as it was typed, in Hz.
pub fn fps_hz(text: &str) -> Option<f64> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|v| *v > 0.0);
    match text.split_once('/') {
        Some((num, den)) => Some(number(num)? / number(den)?),
        None => number(text),
    }
}

/// A path with the end that what comes out has.
pub fn out_for(kind: Kind, out: &str) -> String {
    let mut path = PathBuf::from(out.trim());
    match kind {
        Kind::Film => drop(path.set_extension("mp4")),
        Kind::Still => drop(path.set_extension("png")),
        Kind::Pictures => drop(path.set_extension("")),
    }
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn film() -> Form {
        Form { out: "/films/a.mp4".into(), ..Form::default() }
    }

    fn args(form: &Form) -> String {
        let args = form.args(Path::new("/tmp/p.lumawire"), Path::new("/tmp/o.mp4"));
        args.iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_left_out_is_no_argument() {
        let base = "render /tmp/p.lumawire -o /tmp/o.mp4 --progress json";
        assert_eq!(args(&film()), base);
        let form = Form {
            size: " 1920×1080".into(),
            fps: "30000/1001".into(),
            part: Part::Between,
            from: "1.5".into(),
            audio: "-odd name.wav".into(),
            seed: "7".into(),
            causal: true,
            preset: "calm".into(),
            ..film()
        };
        assert_eq!(form.fault(), None);
        let expected = "--size=1920x1080 --fps=30000/1001 --from=1.5 --audio=-odd name.wav \
                        --preset=calm --seed=7 --causal";
        assert_eq!(args(&form), format!("{base} {expected}"));
        let region = Form { part: Part::Loop, loop_secs: Some((2.0, 4.25)), ..film() };
        assert_eq!(args(&region), format!("{base} --from=2 --to=4.25"));
        let still = Form { kind: Kind::Still, to: "9".into(), from: "3".into(), ..region };
        assert_eq!(args(&still), format!("{base} --from=3"));
    }

    #[test]
    fn faults_are_named_before_anything_starts() {
        let fault = |form: Form| form.fault().unwrap_or_default();
        assert_eq!(film().fault(), None);
        assert!(fault(Form::default()).contains("where"));
        assert!(fault(Form { out: "a.gif".into(), ..film() }).contains(".mp4"));
        assert!(fault(Form { kind: Kind::Still, ..film() }).contains(".png"));
        assert!(fault(Form { kind: Kind::Pictures, ..film() }).contains("%05d"));
        assert!(fault(Form { size: "1920".into(), ..film() }).contains("size"));
        assert!(fault(Form { size: "0x10".into(), ..film() }).contains("size"));
        assert!(fault(Form { fps: "0".into(), ..film() }).contains("rate"));
        assert!(fault(Form { seed: "-1".into(), ..film() }).contains("seed"));
        let between = Form { part: Part::Between, from: "5".into(), to: "4".into(), ..film() };
        assert!(fault(between.clone()).contains("before"));
        assert!(fault(Form { to: "x".into(), ..between }).contains("seconds"));
        for out in ["frames", "frames/a_%04d.png"] {
            let form = Form { kind: Kind::Pictures, out: out.into(), ..Form::default() };
            assert_eq!(form.fault(), None);
        }
        assert_eq!(out_for(Kind::Film, "/a/b.png"), "/a/b.mp4");
        assert_eq!(out_for(Kind::Pictures, "/a/b.mp4"), "/a/b");
    }
}
