//! Where the generator is computed: what the command line or the settings of this machine ask for.

use std::str::FromStr;
use std::sync::Arc;

use lumawire_core::{Facts, Services};
use lumawire_models::accelerator::{self, Choice};
use lumawire_models::stylegan2::{Generator, Precision, verify};
use lumawire_nodes::generate::Placement;

use crate::error::CommandError;
use crate::settings::Settings;

/// The subject of the line that says where the generator is computed.
const GENERATOR: &str = "generator";

/// Spares a GPU the picture that it has to draw as the processor does: for stand-ins.
const TRUST: &str = "LUMAWIRE_TRUST_GPU";

/// What the command line says about it; what is not there the settings say.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Generator")]
pub struct PlaceArgs {
    /// Where the generator is computed: `auto` takes an NVIDIA GPU if one serves, else the processor;
    /// `cpu`; `cuda`, or `cuda:1` for the second GPU.
    #[arg(long, global = true, value_name = "PLACE")]
    device: Option<Choice>,
    /// In which numbers a GPU computes: `published` (halves in the four finest resolutions), `f32`,
    /// `tf32`, `f16` or `bf16`.
    #[arg(long, global = true, value_name = "NUMBERS")]
    precision: Option<Precision>,
}

/// Where the generator is computed.
pub struct Place {
    what: String,
    placement: Option<Placement>,
}

impl PlaceArgs {
    /// Opens the place. Fails where a GPU was asked for by name and does not serve.
    pub fn open(&self) -> Result<Place, CommandError> {
        let settings = Settings::path().as_deref().map(Settings::load).transpose()?;
        let settings = settings.unwrap_or_default().generator;
        let choice = chosen("device", self.device, settings.device.as_deref())?;
        let precision = chosen("precision", self.precision, settings.precision.as_deref())?;
        let chosen = accelerator::choose(choice).map_err(|error| {
            let text = "choose --device auto or cpu to go on without it";
            CommandError::Usage(format!("--device {choice}: {error}; {text}"))
        })?;
        let Some(accelerator) = chosen.accelerator else {
            return Ok(Place { what: chosen.what, placement: None });
        };
        if std::env::var_os(TRUST).is_none()
            && let Err(error) = verify(&accelerator, precision)
        {
            return match choice {
                Choice::Auto => {
                    Ok(Place { what: format!("the processor: {error}"), placement: None })
                }
                _ => Err(CommandError::Usage(format!("--device {choice}: {error}"))),
            };
        }
        let what = format!("{}, precision {precision}", chosen.what);
        Ok(Place { what, placement: Some(Placement { accelerator, precision }) })
    }

    /// The same as arguments of this program.
    pub fn to_args(&self) -> Vec<String> {
        let device = self.device.map(|device| format!("--device={device}"));
        let precision = self.precision.map(|precision| format!("--precision={precision}"));
        device.into_iter().chain(precision).collect()
    }
}

/// What the command line says, else the settings, else what is usual.
fn chosen<T>(name: &str, asked: Option<T>, setting: Option<&str>) -> Result<T, CommandError>
where
    T: FromStr<Err = String> + Default,
{
    match (asked, setting) {
        (Some(asked), _) => Ok(asked),
        (None, Some(text)) => text.parse().map_err(|error| {
            CommandError::Usage(format!("the settings' generator.{name}: {error}"))
        }),
        (None, None) => Ok(T::default()),
    }
}

impl Place {
    /// Says it in one line.
    pub fn tell(&self) {
        eprintln!("the generator runs on {}", self.what);
    }

    /// Lends it to the nodes.
    pub fn lend(self, services: &Services) {
        Facts::of(services).tell(GENERATOR, self.what);
        if let Some(placement) = self.placement {
            services.insert(Arc::new(placement));
        }
    }

    /// Has a network drawn there. Where that fails, the processor draws it, and that is told.
    pub fn give(&self, generator: &Generator) {
        if let Some(placement) = &self.placement
            && let Err(error) = placement.give(generator)
        {
            eprintln!("warning: {error}; the processor draws this network");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_goes_before_the_settings() {
        let device = |asked, setting| chosen::<Choice>("device", asked, setting);
        assert_eq!(device(None, None).unwrap(), Choice::Auto);
        assert_eq!(device(None, Some("cpu")).unwrap(), Choice::Cpu);
        assert_eq!(device(Some(Choice::Cuda(1)), Some("cpu")).unwrap(), Choice::Cuda(1));
        let error = device(None, Some("gpu")).unwrap_err().to_string();
        assert!(error.contains("generator.device") && error.contains("`gpu`"), "{error}");
    }

    #[test]
    fn another_process_gets_the_same() {
        let args = PlaceArgs { device: Some(Choice::Cuda(1)), precision: Some(Precision::Bf16) };
        assert_eq!(args.to_args(), ["--device=cuda:1", "--precision=bf16"]);
        assert!(PlaceArgs::default().to_args().is_empty());
    }
}
