//! Networks that the command line names: a file, or a stand-in.

use std::path::Path;

use candle_core::Device;
use lumawire_models::checkpoint;
use lumawire_models::stylegan2::{Config, Generator};
use lumawire_nodes::generate::model::channel_max;

use crate::command::fault;
use crate::error::CommandError;

/// For the help of arguments that name a network.
pub const HELP: &str = "The network: a file, or `standin[:RESOLUTION[:DETAIL[:SEED]]]` for one with \
                        made-up weights, such as `standin:256:4096:0`";

/// The network in the file `arg`, or the stand-in that it describes: `standin`, or
/// `standin:RESOLUTION:DETAIL:SEED` with as many of the numbers as are wanted (256, 4096, 0). With
/// what tells it apart in the files that are made from it: `sha256:…` of the file, or the stand-in's
/// settings in full.
pub fn open_model(arg: &Path) -> Result<(Generator, String), CommandError> {
    let stand_in = stand_in(arg)?;
    let open = || match stand_in {
        Some(StandIn { resolution_px, detail, seed }) => {
            let config = Config::new(resolution_px, detail, channel_max(detail));
            let id = format!("standin:{resolution_px}:{detail}:{seed}");
            Ok((Generator::stand_in(config, seed)?, id))
        }
        None => {
            let checkpoint = checkpoint::open(arg)?;
            let id = format!("sha256:{}", checkpoint.source_sha256);
            Ok((Generator::from_checkpoint(checkpoint, &Device::Cpu)?, id))
        }
    };
    open().map_err(|e| fault(arg, e))
}

/// The file beside the network `arg` that what is made from it goes to: `face.pkl` and
/// `ganspace.safetensors` give `face.ganspace.safetensors`; a stand-in's lies in this folder.
pub fn beside(arg: &Path, ending: &str) -> Result<std::path::PathBuf, CommandError> {
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(match stand_in(arg)? {
        Some(_) => Path::new(&arg.to_string_lossy().replace(':', "_")).with_extension(ending),
        None => arg.with_file_name(format!("{}.{ending}", stem(arg))),
    })
}

/// The settings of a stand-in, as `generate.model` has them.
struct StandIn {
    resolution_px: usize,
    detail: usize,
    seed: u32,
}

/// The stand-in that `arg` describes, if it does not name a file.
fn stand_in(arg: &Path) -> Result<Option<StandIn>, CommandError> {
    let Some(rest) = arg.to_str().and_then(|text| text.strip_prefix("standin")) else {
        return Ok(None);
    };
    let mut numbers = match rest.strip_prefix(':') {
        Some(numbers) => numbers.split(':'),
        None if rest.is_empty() => "256".split(':'),
        None => return Ok(None),
    };
    let malformed = || {
        CommandError::Usage(format!(
            "`{}` is no stand-in: write standin:RESOLUTION:DETAIL:SEED, such as standin:256:4096:0",
            arg.display()
        ))
    };
    let mut next = |default: u32| match numbers.next() {
        None => Ok(default),
        Some(number) => number.parse().map_err(|_| malformed()),
    };
    let (resolution_px, detail, seed) = (next(256)? as usize, next(4096)? as usize, next(0)?);
    if numbers.next().is_some() {
        return Err(malformed());
    }
    if !(16..=1 << 16).contains(&detail) {
        let why = format!("the stand-in's detail is {detail}: choose one from 16 to 65536");
        return Err(CommandError::Usage(why));
    }
    Ok(Some(StandIn { resolution_px, detail, seed }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(arg: &str) -> String {
        open_model(Path::new(arg)).err().unwrap().to_string()
    }

    #[test]
    fn stand_ins_follow_their_settings() {
        let open = |arg: &str| open_model(Path::new(arg)).unwrap();
        let key = |arg: &str| open(arg).0.content_key();
        assert_eq!(key("standin:32:1024:3"), key("standin:32:1024:3"));
        assert_ne!(key("standin:32:1024:3"), key("standin:32:1024"));
        assert_eq!(open("standin:32").1, "standin:32:4096:0");
        assert_eq!(open("standin").1, "standin:256:4096:0");
        for junk in ["standin:32:1024:0:junk", "standin:32:1024:0:", "standin:"] {
            assert!(refused(junk).contains("is no stand-in"), "{junk}");
        }
        assert!(refused("standin:32:x").contains("is no stand-in"));
        assert!(refused("standin:48").contains("no power of two"));
        assert!(refused("standin:32:4").contains("from 16"));
    }

    #[test]
    fn files_are_named_by_their_content() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let path = root.join("tests/reference/stylegan2/sg2ada_a.model.safetensors");
        let (generator, id) = open_model(&path).unwrap();
        assert_eq!(generator.config().img_resolution, 64);
        // By sha256sum.
        assert_eq!(id, "sha256:6b104932327f746872c0619c155bdeef45b61e6b28ee7b52f1f06f8bad7d5a78");
        assert!(refused("gone.safetensors").starts_with("gone.safetensors: cannot be read"));
    }

    #[test]
    fn results_lie_beside_the_network() {
        let name = |arg: &str| beside(Path::new(arg), "ganspace.safetensors").unwrap();
        assert_eq!(name("a/face.pkl"), Path::new("a/face.ganspace.safetensors"));
        assert_eq!(name("standin:64"), Path::new("standin_64.ganspace.safetensors"));
    }
}
