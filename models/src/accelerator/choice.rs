//! Where networks are computed: what a person asked for, and what there is.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::{Accelerator, AcceleratorError};

/// Where networks shall be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// On the first GPU that serves, else on the processor.
    #[default]
    Auto,
    /// On the processor.
    Cpu,
    /// On this NVIDIA GPU, counted from 0, or not at all.
    Cuda(usize),
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || {
            format!(
                "`{text}` is no place to compute: choose auto, cpu, cuda, or cuda:1 for the second GPU"
            )
        };
        match text.split_once(':') {
            None if text == "auto" => Ok(Self::Auto),
            None if text == "cpu" => Ok(Self::Cpu),
            None if text == "cuda" => Ok(Self::Cuda(0)),
            Some(("cuda", number)) => number.parse().map(Self::Cuda).map_err(|_| unknown()),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

/// Where networks are computed.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// The GPU; none for the processor.
    pub accelerator: Option<Arc<dyn Accelerator>>,
    /// Which it is, or why there is none: "NVIDIA H200 (cuda:0), driver 580.159", "the processor: no
    /// NVIDIA driver was found (libcuda.so.1)".
    pub what: String,
}

/// Opens the GPU that is asked for. `Auto` takes the processor where there is none that serves;
/// `Cuda` fails there, and says why.
pub fn choose(choice: Choice) -> Result<Chosen, AcceleratorError> {
    let processor = |why| Chosen { accelerator: None, what: format!("the processor{why}") };
    match choice {
        Choice::Cpu => Ok(processor(String::new())),
        Choice::Auto => Ok(open(0).unwrap_or_else(|error| processor(format!(": {error}")))),
        Choice::Cuda(index) => open(index),
    }
}

#[cfg(feature = "cuda")]
fn open(index: usize) -> Result<Chosen, AcceleratorError> {
    let cuda = super::driver::Cuda::open(index)?;
    let what = format!("{}, {}", cuda.name(), cuda.driver_version());
    Ok(Chosen { accelerator: Some(Arc::new(cuda)), what })
}

#[cfg(not(feature = "cuda"))]
fn open(_index: usize) -> Result<Chosen, AcceleratorError> {
    Err(AcceleratorError("this build is without CUDA (feature `cuda`)".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_and_written() {
        for (text, choice, written) in [
            ("auto", Choice::Auto, "auto"),
            ("cpu", Choice::Cpu, "cpu"),
            ("cuda", Choice::Cuda(0), "cuda:0"),
            ("cuda:3", Choice::Cuda(3), "cuda:3"),
        ] {
            assert_eq!(text.parse(), Ok(choice));
            assert_eq!(choice.to_string(), written);
            assert_eq!(written.parse(), Ok(choice));
        }
        for text in ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "cpu:0", "auto:1", "CUDA"] {
            let why = text.parse::<Choice>().unwrap_err();
            assert!(why.contains(&format!("`{text}`")) && why.contains("cuda:1"), "{why}");
        }
    }

    #[test]
    fn the_processor_is_always_there() {
        let chosen = choose(Choice::Cpu).unwrap();
        assert!(chosen.accelerator.is_none());
        assert_eq!(chosen.what, "the processor");
        let chosen = choose(Choice::Auto).unwrap();
        assert_eq!(chosen.accelerator.is_none(), chosen.what.starts_with("the processor: "));
        // More GPUs than any machine has.
        let error = choose(Choice::Cuda(4096)).unwrap_err().to_string();
        let reasons = ["without CUDA", "no NVIDIA driver", "no GPU", "no NVIDIA GPU"];
        assert!(reasons.iter().any(|reason| error.contains(reason)), "{error}");
    }
}
